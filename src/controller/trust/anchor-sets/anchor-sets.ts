import { anchorSets, parseAnchorSource } from '../../../api/anchor-set.ts';
import type { AnchorSet, AnchorSource } from '../../../api/anchor-set.ts';
import type { Clock, KubeClient } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import { OptionalView } from '../optional-view.ts';
import { AnchorSetWriter } from './anchor-set-writer.ts';
import { Leftovers } from './leftovers.ts';

export interface AnchorSetsDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** All AnchorSets of the cluster: what is there, what should be, and the end of those whose source is gone. */
export class AnchorSets {
  readonly writer: AnchorSetWriter;
  readonly #view: OptionalView<AnchorSet>;
  readonly #leftovers: Leftovers;

  constructor(deps: AnchorSetsDependencies) {
    this.#view = new OptionalView(anchorSets, deps);
    this.writer = new AnchorSetWriter({
      resource: deps.client.resource(anchorSets),
      now: () => deps.clock.now(),
      cached: (key) => this.#view.get(key),
      allCached: () => this.#view.list(),
    });
    this.#view.subscribe(this.writer.onChange);
    this.#leftovers = new Leftovers({
      clock: deps.clock,
      list: () => this.#view.list(),
      delete: (source) => this.writer.delete(source),
      log: deps.log,
    });
  }

  /** Absent when the cluster has no AnchorSets, refused when this process may not see them. */
  get state(): OptionalView<AnchorSet>['state'] {
    return this.#view.state;
  }

  get(name: string): AnchorSet | undefined {
    return this.#view.get({ name });
  }

  list(): IterableIterator<AnchorSet> {
    return this.#view.list();
  }

  /** Told of each source whose set has changed, whoever changed it. */
  subscribe(listener: (source: AnchorSource) => void): void {
    this.#view.subscribe(({ object }) => {
      const source = parseAnchorSource(object.spec.source);
      if (source) listener(source);
    });
  }

  /**
   * From now on sets of this kind of source are deleted some time after the source is gone.
   *
   * @param keeps undefined while it is not known; a time until which the set is needed though its source is gone
   */
  collect(
    kind: AnchorSource['kind'],
    keeps: (source: AnchorSource) => boolean | { until: number } | undefined,
  ): void {
    this.#leftovers.collect(kind, keeps);
  }

  whenKnown(): Promise<void> {
    return this.#view.whenKnown();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#view.run(signal), this.#leftovers.run(signal)]);
  }
}
