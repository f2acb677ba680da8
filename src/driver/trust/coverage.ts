import { anchorSetName } from '../../api/anchor-set.ts';
import type { AppliedAnchorSet } from '../../api/node-trust.ts';
import type { AppliedSet, FederatedSet } from '../volume/trust-state.ts';
import { isLive, type LiveVolume, type Volume } from '../volume/volume.ts';
import type { AnchorSets, KnownSet } from './anchor-sets.ts';
import { sourcesOf } from './volume-anchors.ts';

type Lookup = Pick<AnchorSets, 'find' | 'presentHash'>;

/** How far the anchors have come on this node: for each set in use what every volume of it has, in the order of names. */
export function coverage(volumes: Iterable<Volume>, lookup: Lookup): AppliedAnchorSet[] {
  const sets = new Map<string, AppliedAnchorSet>();
  for (const volume of volumes) {
    if (!isLive(volume)) continue;
    for (const { has, name, presentHash } of setsOf(volume, lookup)) {
      const counted = sets.get(name) ?? { name, hash: presentHash, volumes: 0, behind: 0 };
      const isBehind = has !== presentHash;
      sets.set(name, {
        name,
        hash: isBehind ? has : counted.hash,
        volumes: counted.volumes + 1,
        behind: counted.behind + (isBehind ? 1 : 0),
      });
    }
  }
  return [...sets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether the volume lacks the present state of a set that it uses. */
export function isBehind(volume: LiveVolume, lookup: Lookup): boolean {
  return setsOf(volume, lookup).some(({ has, presentHash }) => has !== presentHash);
}

/** When the latest was heard of that the volume is to have and has not; undefined when it has all. */
export function behindSince(volume: LiveVolume, lookup: Lookup): number | undefined {
  const lacking = setsOf(volume, lookup).flatMap(({ applied, usable }) =>
    usable === undefined || isApplied(volume, usable, applied) ? [] : [usable.heardAt],
  );
  return lacking.length === 0 ? undefined : Math.max(...lacking);
}

interface SetOfVolume {
  readonly name: string;
  readonly presentHash: string;
  /** Undefined while there never was a state that can be used. */
  readonly usable: KnownSet | undefined;
  readonly applied: AppliedSet | undefined;
  /** Hash of what the volume has of it; empty when that is not known. */
  readonly has: string;
}

function setsOf({ generation: { trust }, spec }: LiveVolume, lookup: Lookup): SetOfVolume[] {
  const present = trust === undefined ? [] : [trust.own, ...trust.federated];
  return sourcesOf(spec).flatMap((source) => {
    const presentHash = lookup.presentHash(source);
    if (presentHash === undefined) return [];
    const name = anchorSetName(source);
    const applied = present.find((one) => one?.set === name);
    return [{ name, presentHash, usable: lookup.find(source), applied, has: applied?.hash ?? '' }];
  });
}

/** Sequence and refresh hint are written into SPIFFE bundles alone, and the trust domain is a federated set's file name. */
function isApplied({ spec }: LiveVolume, set: KnownSet, applied: AppliedSet | undefined): boolean {
  if (applied?.hash !== set.hash) return false;
  const { refreshHintSeconds, sequence, trustDomain } = applied as Partial<FederatedSet> & AppliedSet;
  if (trustDomain !== undefined && trustDomain !== set.trustDomain) return false;
  return (
    spec.files.spiffeBundle === undefined ||
    (sequence === set.sequence && refreshHintSeconds === set.refreshHintSeconds)
  );
}
