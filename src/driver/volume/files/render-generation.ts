import type { KeyObject } from 'node:crypto';
import type { TrustState } from '../trust-state.ts';
import {
  type Certificate,
  type EncodedKey,
  exportPrivateKey,
  isSelfSigned,
  type KeyEncoding,
} from '../../../pki/index.ts';
import type { KeystorePasswords } from '../passwords.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import type { GenerationFiles } from './generation.ts';
import { renderKeystores } from './render-keystores.ts';
import { type FederatedAnchors, renderTrust } from './render-trust.ts';
import { toPem } from './to-pem.ts';

/** What an issuer gave, checked: leaf first, and the anchors that the volume is to have beside it. */
export interface IssuedMaterial {
  readonly chain: readonly [Certificate, ...Certificate[]];
  readonly anchors: readonly Certificate[];
  /** Of other trust domains. */
  readonly federated?: readonly FederatedAnchors[];
  /** Where the anchors are from. */
  readonly trust?: TrustState;
}

export interface RenderContext {
  /** One more than that of the generation before. */
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
  /** Of the key stores that the volume asks for. */
  readonly password: KeystorePasswords | undefined;
}

/** Every file of one issuance, as the volume's layout names them. */
export function renderGeneration(
  spec: VolumeSpec,
  key: KeyObject,
  issued: IssuedMaterial,
  context: RenderContext,
): GenerationFiles {
  const layout = spec.files;
  const chain = toPem(issued.chain);
  const exported = onceAnEncoding(key);
  const own = (): EncodedKey => exported(spec.key.encoding);
  const files = new Map<string, string | Uint8Array>();
  const add = (name: string | undefined, content: () => string | Uint8Array): void => {
    if (name !== undefined) files.set(name, content());
  };

  add(layout.privateKey, () => own().pem);
  add(layout.certificate, () => chain);
  // SPIFFE filesystem delivery asks for PKCS#8 in the bundle, whatever the key file's encoding, and for no root.
  add(layout.bundle, () => exported('PKCS8').pem + toPem(withoutRoot(issued.chain)));
  add(layout.combined, () => own().pem + chain);
  add(layout.certificateDer, () => issued.chain[0].der);
  add(layout.privateKeyDer, () => own().der);
  if (spec.keystores !== undefined) {
    for (const [name, content] of renderKeystores(spec.keystores, key, issued.chain, context.password))
      files.set(name, content);
  }
  for (const [name, content] of renderTrust(spec, issued, context)) files.set(name, content);
  return { files, group: spec.group };
}

/** Names of the files that a change of anchors leaves as they are. Key stores are made anew: they share a password. */
export function identityFiles({ files }: VolumeSpec): readonly string[] {
  const { bundle, certificate, certificateDer, combined, privateKey, privateKeyDer } = files;
  return [privateKey, certificate, bundle, combined, certificateDer, privateKeyDer].filter(
    (name) => name !== undefined,
  );
}

/**
 * Some issuers return their root with the chain. The leaf stays, also where it has signed itself, and so does a root's new key
 * that its old one signed.
 */
function withoutRoot(chain: IssuedMaterial['chain']): readonly Certificate[] {
  return chain.filter((certificate, index) => index === 0 || !isSelfSigned(certificate));
}

/** Each encoding of the key is made when it is first asked for. */
function onceAnEncoding(key: KeyObject): (encoding: KeyEncoding) => EncodedKey {
  const made = new Map<KeyEncoding, EncodedKey>();
  return (encoding) => {
    const encoded = made.get(encoding) ?? exportPrivateKey(key, encoding);
    made.set(encoding, encoded);
    return encoded;
  };
}
