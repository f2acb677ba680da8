import type { KeyObject } from 'node:crypto';
import {
  type Certificate,
  decodePrivateKey,
  keySpecOf,
  parseChain,
  publicKeyOf,
  samePublicKey,
} from '../../pki/index.ts';
import type { VolumeFiles } from './files/volume-files.ts';
import type { VolumeSpec } from './volume-spec.ts';

export interface ReadGeneration {
  readonly leaf: Certificate;
  readonly key: KeyObject;
  /** PEM, the leaf first. */
  readonly certificates: string;
  /** PEM of the anchors, empty where there are none. */
  readonly ca: string;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
}

/** What lies in the volume, if it is whole: a key, and a certificate for this key. */
export function readGeneration(spec: VolumeSpec, files: VolumeFiles): ReadGeneration | undefined {
  const keyPem = files.read(spec.targetPath, spec.files.privateKey);
  const chainPem = files.read(spec.targetPath, spec.files.certificate);
  if (keyPem === undefined || chainPem === undefined) return undefined;
  try {
    const key = decodePrivateKey(keyPem);
    const [leaf] = parseChain(chainPem);
    if (leaf === undefined || !samePublicKey(leaf.publicKey, publicKeyOf(key))) return undefined;
    const ca = files.read(spec.targetPath, spec.files.ca) ?? '';
    const writtenAt = files.writtenAt(spec.targetPath) ?? leaf.notBefore.getTime();
    return { leaf, key, certificates: chainPem, ca, writtenAt };
  } catch {
    return undefined;
  }
}

export function isKeyOf(spec: VolumeSpec, key: KeyObject): boolean {
  const asked = spec.key.spec;
  const has = keySpecOf(key);
  return (
    asked.algorithm === has.algorithm && ('size' in asked ? 'size' in has && has.size === asked.size : true)
  );
}
