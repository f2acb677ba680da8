import type { KeyObject } from 'node:crypto';
import {
  type Authority,
  type Certificate,
  type KeySpec,
  parseCertificate,
  signCertificate,
} from '../../../../../src/pki/index.ts';
import { leafTemplate, makeIntermediate, makeKey, makeRoot } from '../../support/builders.ts';

export const password = 'correct horse';

export const profiles = ['Modern2023', 'LegacyDES', 'LegacyRC2'] as const;

/** RSA only once, because it is slow to make. */
export const keySpecs: readonly KeySpec[] = [
  { algorithm: 'RSA', size: 2048 },
  { algorithm: 'ECDSA', size: 256 },
  { algorithm: 'ECDSA', size: 384 },
  { algorithm: 'ECDSA', size: 521 },
  { algorithm: 'Ed25519' },
];

export interface Identity {
  readonly root: Authority;
  readonly key: KeyObject;
  readonly chain: readonly [leaf: Certificate, intermediate: Certificate];
}

/** A leaf under an intermediate. */
export async function makeIdentity(spec?: KeySpec): Promise<Identity> {
  const root = await makeRoot();
  const intermediate = await makeIntermediate(root);
  const key = await makeKey(spec);
  const leaf = parseCertificate(await signCertificate(leafTemplate(key), intermediate));
  return { root, key, chain: [leaf, intermediate.certificate] };
}
