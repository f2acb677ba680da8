import { type Certificate, encodePrivateKey } from '../../../pki/index.ts';
import type { KeyObject } from 'node:crypto';
import { bundleFile, type VolumeSpec } from '../volume-spec.ts';
import type { GenerationFiles } from './generation.ts';

/** What an issuer gave, checked: leaf first, and the anchors that it came with. */
export interface IssuedMaterial {
  readonly chain: readonly [Certificate, ...Certificate[]];
  readonly anchors: readonly Certificate[];
}

export function renderGeneration(spec: VolumeSpec, key: KeyObject, issued: IssuedMaterial): GenerationFiles {
  const chain = issued.chain.map((certificate) => certificate.pem).join('');
  const pkcs8 = encodePrivateKey(key, 'PKCS8');
  const files = new Map([
    [spec.files.privateKey, spec.key.encoding === 'PKCS8' ? pkcs8 : encodePrivateKey(key, spec.key.encoding)],
    [spec.files.certificate, chain],
    // SPIFFE filesystem delivery asks for PKCS#8 in the bundle, whatever the key file's encoding.
    [bundleFile, pkcs8 + chain],
  ]);
  if (issued.anchors.length > 0) {
    files.set(spec.files.ca, issued.anchors.map((certificate) => certificate.pem).join(''));
  }
  return { files, group: spec.group };
}
