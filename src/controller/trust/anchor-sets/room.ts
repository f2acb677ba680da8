import { anchorSourceText } from '../../../api/anchor-set.ts';
import type { AnchorSet, AnchorSource } from '../../../api/anchor-set.ts';

// In characters, anchors and annotations together: every node holds every set, and whoever may make Issuers in a namespace
// makes sets and has them grow.

/** Of one issuer: some sixty roots. */
export const mostOfIssuer = 128 * 1024;
/** Of all Issuers of a namespace together: a hundred with one root each. */
export const mostOfNamespace = 256 * 1024;

/** How large the set of an issuer may be beside those that are there. */
export function roomFor(issuer: AnchorSource, sets: Iterable<AnchorSet>): number {
  if (issuer.kind !== 'Issuer') return mostOfIssuer;
  const own = anchorSourceText(issuer);
  const ofNamespace = anchorSourceText({ ...issuer, name: '' });
  let room = mostOfNamespace;
  for (const set of sets) {
    const { source } = set.spec;
    if (source !== own && source.startsWith(ofNamespace)) room -= setSize(set.spec.anchors, set.metadata);
  }
  return Math.max(0, Math.min(room, mostOfIssuer));
}

export function setSize(anchors: string, { annotations = {} }: AnchorSet['metadata']): number {
  return Object.values(annotations).reduce((sum, { length }) => sum + length, anchors.length);
}
