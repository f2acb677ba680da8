import type { KeyObject } from 'node:crypto';
import {
  type Certificate,
  decodePrivateKey,
  keySpecOf,
  parseChain,
  publicKeyOf,
  samePublicKey,
} from '../../pki/index.ts';
import { trustFile } from './files/generation.ts';
import type { VolumeFiles } from './files/volume-files.ts';
import { parseTrustState, type TrustState } from './trust-state.ts';
import type { VolumeSpec } from './volume-spec.ts';

export interface ReadGeneration {
  readonly leaf: Certificate;
  /** The leaf first. */
  readonly chain: readonly [Certificate, ...Certificate[]];
  readonly key: KeyObject;
  /** PEM, the leaf first. */
  readonly certificates: string;
  /** PEM of the anchors, empty where there are none. */
  readonly ca: string;
  /** When the certificate was. Milliseconds since the epoch. */
  readonly writtenAt: number;
  /** As {@link generationNumber} has it. */
  readonly generation: number;
  readonly trust: TrustState | undefined;
}

/** What lies in the volume, if it is whole: a key, and a certificate for this key. */
export function readGeneration(spec: VolumeSpec, files: VolumeFiles): ReadGeneration | undefined {
  const { bundle, ca: caFile } = spec.files;
  const found =
    readApart(spec, files) ??
    (bundle === undefined ? undefined : readBundle(files.read(spec.targetPath, bundle)));
  if (found === undefined) return undefined;
  const { chainPem, keyPem } = found;
  try {
    const key = decodePrivateKey(keyPem);
    const [leaf, ...issuers] = parseChain(chainPem);
    if (leaf === undefined || !samePublicKey(leaf.publicKey, publicKeyOf(key))) return undefined;
    const ca = (caFile === undefined ? undefined : files.read(spec.targetPath, caFile)) ?? '';
    const trust = parseTrustState(files.read(spec.targetPath, trustFile));
    const writtenAt = trust?.issuedAt ?? files.writtenAt(spec.targetPath) ?? leaf.notBefore.getTime();
    const generation = generationNumber(spec, files);
    const chain = [leaf, ...issuers] as const;
    return { leaf, chain, key, certificates: chainPem, ca, writtenAt, generation, trust };
  } catch {
    return undefined;
  }
}

/** Of what lies in the volume: counted from 1; 0 for a placeholder, an empty volume, and a layout that does not number. */
export function generationNumber({ files: layout, targetPath }: VolumeSpec, files: VolumeFiles): number {
  const text = layout.generation === undefined ? undefined : files.read(targetPath, layout.generation);
  return text !== undefined && /^[0-9]{1,15}\n$/.test(text) ? Number(text) : 0;
}

interface KeyAndChain {
  readonly keyPem: string;
  readonly chainPem: string;
}

function readBundle(text: string | undefined): KeyAndChain | undefined {
  const start = text?.indexOf('-----BEGIN CERTIFICATE-----') ?? -1;
  return text === undefined || start < 0
    ? undefined
    : { keyPem: text.slice(0, start), chainPem: text.slice(start) };
}

function readApart(spec: VolumeSpec, files: VolumeFiles): KeyAndChain | undefined {
  const { certificate, privateKey } = spec.files;
  if (certificate === undefined || privateKey === undefined) return undefined;
  const keyPem = files.read(spec.targetPath, privateKey);
  const chainPem = files.read(spec.targetPath, certificate);
  return keyPem === undefined || chainPem === undefined ? undefined : { keyPem, chainPem };
}

export function isKeyOf(spec: VolumeSpec, key: KeyObject): boolean {
  const asked = spec.key.spec;
  const has = keySpecOf(key);
  return (
    asked.algorithm === has.algorithm && ('size' in asked ? 'size' in has && has.size === asked.size : true)
  );
}
