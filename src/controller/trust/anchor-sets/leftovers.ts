import { parseAnchorSource } from '../../../api/anchor-set.ts';
import type { AnchorSet, AnchorSource } from '../../../api/anchor-set.ts';
import { sleep } from '../../../kube/index.ts';
import type { Clock } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';

export interface LeftoversDependencies {
  readonly clock: Clock;
  readonly list: () => Iterable<AnchorSet>;
  /** One API write; throws KubeError. */
  readonly delete: (source: AnchorSource) => Promise<void>;
  readonly log: Logger;
}

/** Whether a source is there; undefined while that is not known. */
export type SourceCheck = (source: AnchorSource) => boolean | { readonly until: number } | undefined;

/** Long enough for an issuer that is deleted and made again, as some tools do, to lose nothing. */
export const leftoverGraceMs = 10 * 60_000;
const checkMs = 60_000;

/** Deletes sets whose source is gone. */
export class Leftovers {
  readonly #deps: LeftoversDependencies;
  readonly #checks = new Map<AnchorSource['kind'], SourceCheck>();
  /** Since when each set was seen without its source, by name. */
  readonly #goneSince = new Map<string, number>();

  constructor(deps: LeftoversDependencies) {
    this.#deps = deps;
  }

  collect(kind: AnchorSource['kind'], check: SourceCheck): void {
    this.#checks.set(kind, check);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#deps.clock, checkMs, signal).catch(() => {});
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    const now = this.#deps.clock.now();
    const gone = [...this.#deps.list()].filter((set) => this.#isGone(set, now));
    const names = new Set(gone.map(nameOf));
    for (const name of this.#goneSince.keys()) if (!names.has(name)) this.#goneSince.delete(name);
    for (const set of gone) {
      const since = this.#goneSince.get(nameOf(set)) ?? now;
      this.#goneSince.set(nameOf(set), since);
      if (now - since >= leftoverGraceMs) await this.#delete(set);
    }
  }

  #isGone(set: AnchorSet, now: number): boolean {
    const source = parseAnchorSource(set.spec.source);
    if (!source) return false;
    const there = this.#checks.get(source.kind)?.(source);
    return typeof there === 'object' ? there.until <= now : there === false;
  }

  async #delete(set: AnchorSet): Promise<void> {
    const source = parseAnchorSource(set.spec.source);
    if (!source) return;
    try {
      await this.#deps.delete(source);
      this.#deps.log.info({ anchorSet: nameOf(set) }, 'deleted: its source is gone');
    } catch (error) {
      this.#deps.log.warn({ anchorSet: nameOf(set), error }, 'not deleted, trying again');
    }
  }
}

function nameOf({ metadata }: AnchorSet): string {
  return metadata.name ?? '';
}
