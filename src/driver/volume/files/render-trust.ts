import type { Certificate } from '../../../pki/index.ts';
import type { FederatedSet, TrustState } from '../trust-state.ts';
import { formatTrustState } from '../trust-state.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import { certificateInfo } from './certificate-info.ts';
import { federatedAnchorsFile, federatedBundleFile } from './federated-files.ts';
import { trustFile } from './generation.ts';
import type { IssuedMaterial, RenderContext } from './render-generation.ts';
import { renderTruststores } from './render-keystores.ts';
import { spiffeBundle } from './spiffe-bundle.ts';
import { toPem } from './to-pem.ts';

/** The anchors of another trust domain. */
export interface FederatedAnchors {
  readonly applied: FederatedSet;
  readonly anchors: readonly Certificate[];
}

/** What a generation holds beside key and certificate. */
export type TrustMaterial = Pick<IssuedMaterial, 'anchors' | 'federated' | 'trust'>;

/** The files of a generation that change when the anchors do, and the certificate stays. */
export function renderTrust(
  spec: VolumeSpec,
  material: IssuedMaterial,
  context: RenderContext,
): ReadonlyMap<string, string | Uint8Array> {
  const { ca, emptyCa, generation, info } = spec.files;
  const { anchors, chain, trust } = material;
  const files = new Map<string, string | Uint8Array>();
  if (ca !== undefined && (anchors.length > 0 || emptyCa)) files.set(ca, toPem(anchors));
  for (const [name, content] of renderBundles(spec, material)) files.set(name, content);
  if (info !== undefined) files.set(info, certificateInfo(spec, material, context));
  if (generation !== undefined) files.set(generation, `${context.generation}\n`);
  if (spec.keystores !== undefined && anchors.length > 0) {
    const stores = renderTruststores(spec.keystores, anchors, chain[0].notBefore, context.password);
    for (const [name, content] of stores) files.set(name, content);
  }
  if (trust !== undefined) files.set(trustFile, formatTrustState(trust));
  return files;
}

/** Whether the volume holds these anchors already; what is derived from them alone is not looked at. */
export function holdsTrust(
  spec: VolumeSpec,
  material: TrustMaterial,
  present: TrustState | undefined,
  read: (name: string) => string | undefined,
): boolean {
  const { ca } = spec.files;
  const wanted = renderBundles(spec, material);
  if (ca !== undefined && material.anchors.length > 0) wanted.set(ca, toPem(material.anchors));
  const isGone = present?.federated.some(({ trustDomain }) => !wanted.has(federatedAnchorsFile(trustDomain)));
  return isGone !== true && [...wanted].every(([name, content]) => read(name) === content);
}

/** The SPIFFE bundle of the volume's own trust domain, and the files of each other one. */
function renderBundles(spec: VolumeSpec, material: TrustMaterial): Map<string, string> {
  const { anchors, federated = [], trust } = material;
  const { spiffeBundle: ownFile } = spec.files;
  const files = new Map<string, string>();
  if (ownFile !== undefined && anchors.length > 0) {
    const { hasMore, refreshHintSeconds, sequence } = trust?.own ?? {};
    // One number is for one content alone.
    const numbered = hasMore === true ? undefined : sequence;
    files.set(ownFile, spiffeBundle(anchors, { sequence: numbered, refreshHintSeconds }));
  }
  for (const other of federated) {
    const { trustDomain } = other.applied;
    files.set(federatedAnchorsFile(trustDomain), toPem(other.anchors));
    if (ownFile !== undefined)
      files.set(federatedBundleFile(trustDomain), spiffeBundle(other.anchors, other.applied));
  }
  return files;
}
