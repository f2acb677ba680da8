import { anchorSetName, type AnchorSource, anchorSourceText } from '../../api/anchor-set.ts';
import { type Certificate, checkTrustDomain, isPkiError } from '../../pki/index.ts';
import {
  federatedAnchorsFile,
  federatedBundleFile,
  longestFederatedDomain,
} from '../volume/files/federated-files.ts';
import type { FederatedAnchors } from '../volume/files/render-trust.ts';
import type { AppliedSet, TrustState } from '../volume/trust-state.ts';
import type { VolumeSpec } from '../volume/volume-spec.ts';
import type { AnchorLookup, KnownSet } from './anchor-sets.ts';

/** What a volume has of trust, as its files say. */
export interface PresentAnchors {
  /** undefined in a volume that another driver, or an earlier one of this, has written. */
  readonly state: TrustState | undefined;
  readonly own: readonly Certificate[];
  readonly federated: readonly FederatedAnchors[];
  /** The certificate beside them, milliseconds since the epoch. */
  readonly issuedAt: number;
}

/** What a volume is to have of trust. */
export interface VolumeAnchors {
  readonly own: readonly Certificate[];
  readonly federated: readonly FederatedAnchors[];
  readonly state: TrustState;
}

/** The anchors that came with a new certificate, and when. */
export interface Issued {
  readonly anchors: readonly Certificate[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

type ReadAnchors = (pem: string) => readonly Certificate[];

/** The issuer's own set; undefined for an issuer of another project, which has none. */
export function issuerSource({ issuer: { group, kind, name }, pod }: VolumeSpec): AnchorSource | undefined {
  if (group !== 'cert-manager.io') return undefined;
  return kind === 'Issuer'
    ? { kind: 'Issuer', namespace: pod.namespace, name }
    : { kind: 'ClusterIssuer', name };
}

/** Of whom the anchors in the volume's own files are. */
function ownSource(spec: VolumeSpec): AnchorSource | undefined {
  const { bundle } = spec.trust;
  return bundle === undefined ? issuerSource(spec) : { kind: 'Bundle', name: bundle };
}

/** Of whom the volume has anchors, its own first. */
export function sourcesOf(spec: VolumeSpec): readonly AnchorSource[] {
  const own = ownSource(spec);
  const federated = spec.trust.federated.map((name): AnchorSource => ({ kind: 'Bundle', name }));
  return own === undefined ? federated : [own, ...federated];
}

/** Whether a change of this source is one for the volume: of its anchors, or of when its issuer wants it renewed. */
export function isConcernedBy(spec: VolumeSpec, source: string): boolean {
  const issuer = issuerSource(spec);
  return [...sourcesOf(spec), ...(issuer === undefined ? [] : [issuer])].some(
    (one) => anchorSourceText(one) === source,
  );
}

/** What a volume that names Bundles still lacks, for people to read; undefined when all of them can be used. */
export function unmetTrust(spec: VolumeSpec, lookup: AnchorLookup): string | undefined {
  const { bundle, federated } = spec.trust;
  const names = [...(bundle === undefined ? [] : [bundle]), ...federated];
  if (names.length === 0) return undefined;
  if (lookup.state === 'absent')
    return `Bundle ${names[0]}: the cluster has no AnchorSets, which certmount's controller makes`;
  const domains = new Map<string, string>();
  for (const name of names) {
    const set = lookup.find({ kind: 'Bundle', name });
    if (set === undefined) return `Bundle ${name}, of which there are no anchors yet`;
    const fault = name === bundle ? ownFault(spec, set) : federatedFault(spec, set);
    if (fault !== undefined) return `Bundle ${name}, ${fault}`;
    const other = domains.get(set.trustDomain ?? '');
    if (name !== bundle && other !== undefined)
      return `Bundle ${name}, whose trust domain ${set.trustDomain} is that of Bundle ${other} too`;
    if (name !== bundle) domains.set(set.trustDomain ?? '', name);
  }
  return undefined;
}

/**
 * The anchors that the volume is to have by what is known now. What is not known, or cannot be used, stays as it is in the
 * volume: nothing here ever takes the last anchors away.
 *
 * @param issued undefined for a volume that keeps its certificate
 */
export function volumeAnchors(
  spec: VolumeSpec,
  present: PresentAnchors,
  issued: Issued | undefined,
  lookup: AnchorLookup,
  readAnchors: ReadAnchors,
): VolumeAnchors {
  const own = ownAnchors(spec, present, issued, lookup, readAnchors);
  const federated = new Map<string, FederatedAnchors>();
  for (const name of spec.trust.federated) {
    const set = lookup.find({ kind: 'Bundle', name });
    const known = set === undefined ? undefined : federatedOf(spec, set, readAnchors);
    const kept = known ?? present.federated.find(({ applied }) => applied.set === bundleSetName(name));
    // Two of one trust domain would be pooled: the first one has it.
    if (kept !== undefined && !federated.has(kept.applied.trustDomain))
      federated.set(kept.applied.trustDomain, kept);
  }
  const state = {
    issuedAt: issued?.at ?? present.issuedAt,
    own: own.applied,
    federated: [...federated.values()].map(({ applied }) => applied),
  };
  return { own: own.anchors, federated: [...federated.values()], state };
}

interface OwnAnchors {
  readonly anchors: readonly Certificate[];
  readonly applied: AppliedSet | undefined;
}

function ownAnchors(
  spec: VolumeSpec,
  present: PresentAnchors,
  issued: Issued | undefined,
  lookup: AnchorLookup,
  readAnchors: ReadAnchors,
): OwnAnchors {
  const source = ownSource(spec);
  const set = source === undefined ? undefined : lookup.find(source);
  const kept = { anchors: present.own, applied: present.state?.own };
  if (spec.trust.bundle !== undefined) {
    if (set === undefined || ownFault(spec, set) !== undefined) return kept;
    return { anchors: readAnchors(set.anchors), applied: appliedOf(set) };
  }
  if (set !== undefined) {
    const anchors = readAnchors(set.anchors);
    // What came with the certificate may be newer than what the node has heard of. Of a volume that says nothing of where
    // its anchors are from, nothing is taken away.
    const beside = issued?.anchors ?? (present.state === undefined ? present.own : []);
    const all = united(anchors, beside);
    const hasMore = issued !== undefined && all.length > anchors.length;
    return { anchors: all, applied: { ...appliedOf(set), hasMore } };
  }
  if (issued === undefined) return kept;
  const isForgotten =
    kept.applied !== undefined && (lookup.state === 'unknown' || issued.anchors.length === 0);
  return isForgotten
    ? { ...kept, anchors: united(kept.anchors, issued.anchors) }
    : { anchors: issued.anchors, applied: undefined };
}

function federatedOf(
  spec: VolumeSpec,
  set: KnownSet,
  readAnchors: ReadAnchors,
): FederatedAnchors | undefined {
  const { trustDomain } = set;
  if (trustDomain === undefined || federatedFault(spec, set) !== undefined) return undefined;
  return { anchors: readAnchors(set.anchors), applied: { ...appliedOf(set), trustDomain } };
}

/** SVIDs of another trust domain would pass for those of the volume's own. */
function ownFault({ trust }: VolumeSpec, { trustDomain }: KnownSet): string | undefined {
  return trustDomain === undefined || trustDomain === trust.trustDomain
    ? undefined
    : `which is of the trust domain ${trustDomain} and not of ${trust.trustDomain}`;
}

function federatedFault({ files, trust }: VolumeSpec, { trustDomain }: KnownSet): string | undefined {
  if (trustDomain === undefined)
    return 'which has no trust domain: its annotation certmount.io/trust-domain names it';
  if (!isTrustDomain(trustDomain)) return `whose trust domain ${JSON.stringify(trustDomain)} is none`;
  if (trustDomain === trust.trustDomain) return `which is of the volume's own trust domain ${trustDomain}`;
  const names = [federatedAnchorsFile(trustDomain), federatedBundleFile(trustDomain)];
  const taken = Object.values(files).find((name) => typeof name === 'string' && names.includes(name));
  return taken === undefined ? undefined : `whose file ${String(taken)} the volume has for something else`;
}

function isTrustDomain(name: string): boolean {
  try {
    return checkTrustDomain(name).length <= longestFederatedDomain;
  } catch (error) {
    if (isPkiError(error)) return false;
    throw error;
  }
}

function appliedOf({ hash, name, refreshHintSeconds, sequence }: KnownSet): AppliedSet {
  return { set: name, hash, sequence, refreshHintSeconds, hasMore: false };
}

function bundleSetName(name: string): string {
  return anchorSetName({ kind: 'Bundle', name });
}

/** Each certificate once, in the order of the first list. */
export function united(
  first: readonly Certificate[],
  second: readonly Certificate[],
): readonly Certificate[] {
  const has = new Set(first.map(({ pem }) => pem));
  const more = second.filter(({ pem }) => !has.has(pem));
  return more.length === 0 ? first : [...first, ...more];
}
