import { anchorSourceText } from '../../../api/anchor-set.ts';
import type { AnchorSet, AnchorSource } from '../../../api/anchor-set.ts';

/** Every node holds every set, and whoever may make Issuers in a namespace makes sets. */
export const mostSetsOfNamespace = 32;

/** Whether another set may be made of this source, beside those that are there. */
export function hasRoom(source: AnchorSource, sets: Iterable<AnchorSet>): boolean {
  if (source.kind !== 'Issuer') return true;
  const ofNamespace = anchorSourceText({ ...source, name: '' });
  let count = 0;
  for (const { spec } of sets) if (spec.source.startsWith(ofNamespace)) count += 1;
  return count < mostSetsOfNamespace;
}
