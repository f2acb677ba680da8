import { createHash } from 'node:crypto';
import type { BundleSource } from '../../../api/bundle.ts';
import type { Certificate } from '../../../pki/index.ts';
import type { GivenAnchors } from './gather-anchors.ts';

/** What each source has given, by {@link sourceKey}; of one that fails all that it has since it did not. */
export type SourceAnchors = ReadonlyMap<string, readonly Certificate[]>;

export interface KnownBefore {
  /** Undefined for a Bundle that this process looks at for the first time. */
  readonly sources: SourceAnchors | undefined;
  /** What was published last, asked for only when a source fails of which nothing is known. */
  readonly published: () => readonly Certificate[];
}

/**
 * What counts of each source. One that fails keeps what it gave before: that it is missing for a while must not end what is
 * trusted because of it, nor keep in trust what another one no longer gives.
 */
export function sourceAnchors(
  sources: readonly BundleSource[],
  given: readonly GivenAnchors[],
  before: KnownBefore,
): SourceAnchors {
  const counted = new Map<string, readonly Certificate[]>();
  const unknown: string[] = [];
  for (const [index, { certificates, fails }] of given.entries()) {
    const key = sourceKey(sources[index]);
    const known = fails ? before.sources?.get(key) : [];
    counted.set(key, known ? united(certificates, known) : certificates);
    if (!known) unknown.push(key);
  }
  if (unknown.length === 0) return counted;
  // It fails at first sight, as after a restart, or with a slip in a Bundle that was edited: it answers for what is published
  // and nobody else gives.
  const others = new Set([...counted.values()].flatMap((certificates) => certificates.map(({ pem }) => pem)));
  const rest = before.published().filter(({ pem }) => !others.has(pem));
  for (const key of unknown) counted.set(key, united(counted.get(key) ?? [], rest));
  return counted;
}

/** The same for the same source of a Bundle. Its text may be a megabyte. */
function sourceKey(source: BundleSource | undefined): string {
  return createHash('sha256')
    .update(JSON.stringify(source ?? {}))
    .digest('base64');
}

function united(first: readonly Certificate[], second: readonly Certificate[]): readonly Certificate[] {
  const pems = new Set(first.map(({ pem }) => pem));
  return [...first, ...second.filter(({ pem }) => !pems.has(pem))];
}
