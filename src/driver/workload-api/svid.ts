import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { checkX509Svid, formatSpiffeId, isPkiError, parseChain, type SpiffeId } from '../../pki/index.ts';
import { federatedAnchorsFile } from '../volume/files/federated-files.ts';
import type { VolumeFiles } from '../volume/files/volume-files.ts';
import { type ReadGeneration, readGeneration } from '../volume/read-generation.ts';
import type { VolumeSpec } from '../volume/volume-spec.ts';
import type { X509BundlesResponse } from './generated/X509BundlesResponse.ts';
import type { X509SVIDResponse } from './generated/X509SVIDResponse.ts';

/** What a volume has for a client of the Workload API. */
export type SvidState =
  /** No certificate yet: the first one is worth waiting for. */
  | { readonly state: 'awaited' }
  | { readonly state: 'refused'; readonly code: status; readonly details: string }
  | { readonly state: 'ready'; readonly svid: Svid };

export interface Svid {
  readonly id: SpiffeId;
  /** DER, the leaf first. */
  readonly chain: Buffer;
  /** PKCS#8, DER. */
  readonly key: Buffer;
  /** DER, of the trust domain. */
  readonly anchors: Buffer;
  /** The same of other trust domains, by these. */
  readonly federated: ReadonlyMap<string, Buffer>;
}

export interface Answer<Response> {
  /** Equal for equal content; tells nothing of the key. */
  readonly version: string;
  readonly response: Response;
}

/** Reads the volume as its containers see it: no key stays in memory for the sake of the next client. */
export function readSvid(spec: VolumeSpec, files: VolumeFiles): SvidState {
  const generation = readGeneration(spec, files);
  if (generation === undefined) return { state: 'awaited' };
  if (generation.ca === '') {
    const details =
      'the issuer of the certificate names no trust anchors, without which an X.509-SVID is of no use';
    return { state: 'refused', code: status.FAILED_PRECONDITION, details };
  }
  try {
    return { state: 'ready', svid: svidOf(generation, federatedIn(spec, files, generation)) };
  } catch (error) {
    if (!isPkiError(error)) throw error;
    return { state: 'refused', code: status.PERMISSION_DENIED, details: error.message };
  }
}

export function svidAnswer({ anchors, chain, federated, id, key }: Svid): Answer<X509SVIDResponse> {
  const svid = { spiffe_id: formatSpiffeId(id), x509_svid: chain, x509_svid_key: key, bundle: anchors };
  return {
    version: digest(chain, anchors, ...partsOf(federated)),
    response: { svids: [svid], federated_bundles: byId(federated) },
  };
}

export function bundlesAnswer({ anchors, federated, id }: Svid): Answer<X509BundlesResponse> {
  const bundles = byId(new Map([...federated, [id.trustDomain, anchors]]));
  return { version: digest(anchors, ...partsOf(federated)), response: { bundles } };
}

function svidOf(
  { ca, certificates, key, leaf }: ReadGeneration,
  federated: ReadonlyMap<string, Buffer>,
): Svid {
  return {
    id: checkX509Svid(leaf),
    chain: derOf(certificates),
    key: key.export({ type: 'pkcs8', format: 'der' }),
    anchors: derOf(ca),
    federated,
  };
}

/** A trust domain whose file cannot be read is one that the client hears nothing of. */
function federatedIn(
  { targetPath }: VolumeSpec,
  files: VolumeFiles,
  { trust }: ReadGeneration,
): ReadonlyMap<string, Buffer> {
  const bundles = new Map<string, Buffer>();
  for (const { trustDomain } of trust?.federated ?? []) {
    const pem = files.read(targetPath, federatedAnchorsFile(trustDomain));
    if (pem !== undefined) bundles.set(trustDomain, derOf(pem));
  }
  return bundles;
}

/** By the SPIFFE IDs of the trust domains, as the answers have them. */
function byId(bundles: ReadonlyMap<string, Buffer>): Record<string, Buffer> {
  return Object.fromEntries(
    [...bundles].map(([trustDomain, anchors]) => [formatSpiffeId({ trustDomain, path: '' }), anchors]),
  );
}

function partsOf(bundles: ReadonlyMap<string, Buffer>): Buffer[] {
  return [...bundles].flatMap(([trustDomain, anchors]) => [Buffer.from(trustDomain), anchors]);
}

function derOf(pem: string): Buffer {
  return Buffer.concat(parseChain(pem).map(({ der }) => der));
}

function digest(...parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}
