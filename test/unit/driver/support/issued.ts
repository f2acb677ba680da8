import type { KeyObject } from 'node:crypto';
import type { IssuedMaterial } from '../../../../src/driver/volume/files/render-generation.ts';
import type { FileLayout, VolumeSpec } from '../../../../src/driver/volume/volume-spec.ts';
import type { CertificateTemplate, KeySpec } from '../../../../src/pki/index.ts';
import { parseCertificate, signCertificate } from '../../../../src/pki/index.ts';
import { leafTemplate, makeIntermediate, makeKey, makeRoot, p256 } from '../../pki/support/builders.ts';
import { specOf } from './builders.ts';

export interface KeyAndMaterial extends IssuedMaterial {
  readonly key: KeyObject;
}

/** A key with a chain of so many certificates, and the root above it as its anchor. */
export async function makeIssued(
  keySpec: KeySpec = p256,
  length = 2,
  changes: Partial<CertificateTemplate> = {},
): Promise<KeyAndMaterial> {
  const root = await makeRoot('root of the tests', {}, keySpec);
  const chain = [];
  let issuer = root;
  for (let number = 1; number < length; number++) {
    issuer = await makeIntermediate(issuer, `intermediate ${number}`);
    chain.unshift(issuer.certificate);
  }
  const key = await makeKey(keySpec);
  const leaf = parseCertificate(await signCertificate(leafTemplate(key, changes), issuer));
  return { key, chain: [leaf, ...chain], anchors: [root.certificate] };
}

/** Nothing but the bundle. */
export const bundleLayout: FileLayout = {
  certificate: undefined,
  privateKey: undefined,
  ca: undefined,
  emptyCa: false,
  spiffeBundle: undefined,
  bundle: 'credential-bundle.pem',
  combined: undefined,
  certificateDer: undefined,
  privateKeyDer: undefined,
  info: undefined,
  generation: undefined,
};

/** Every file that there is. */
export const fullLayout: FileLayout = {
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  ca: 'ca.crt',
  emptyCa: false,
  spiffeBundle: 'spiffe-bundle.json',
  bundle: 'credential-bundle.pem',
  combined: 'tls-combined.pem',
  certificateDer: 'tls.der',
  privateKeyDer: 'key.der',
  info: 'certificate.json',
  generation: 'generation',
};

export function specWith(changes: Partial<VolumeSpec>, targetPath = '/target'): VolumeSpec {
  return { ...specOf({}, targetPath), files: fullLayout, ...changes };
}
