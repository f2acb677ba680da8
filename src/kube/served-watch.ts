import type { KubeClient } from './client.ts';
import { sleep } from './clock.ts';
import { servedResources } from './discovery.ts';
import { isKubeError } from './errors.ts';
import type { KubeObject, ObjectKey, ResourceType } from './object.ts';
import { Reflector, type ReflectorDependencies, type ReflectorOptions } from './reflector.ts';
import type { Change } from './store.ts';

export interface ServedWatchOptions<T extends KubeObject> extends Pick<
  ReflectorOptions<T>,
  'labelSelector' | 'transform'
> {
  /** One resource in several versions: the first that the cluster serves is watched. */
  readonly types: readonly [ResourceType<T>, ...ResourceType<T>[]];
  /** How soon to look again whether a resource that is not served is served by now; 10 minutes by default. */
  readonly lookAgainMs?: number;
}

export interface ServedWatchDependencies extends ReflectorDependencies {
  readonly client: KubeClient;
}

/** A cluster that lacks a resource gets it with an upgrade, hardly ever otherwise. */
const defaultLookAgainMs = 600_000;
const retryMs = 5_000;

/** A view of a resource that a cluster may not serve, or not to us, in whichever version it does. */
export class ServedWatch<T extends KubeObject> {
  readonly #options: ServedWatchOptions<T>;
  readonly #deps: ServedWatchDependencies;
  readonly #listeners: ((change: Change<T>) => void)[] = [];
  #reflector: Reflector<T> | undefined;
  #type: ResourceType<T> | undefined;
  #absent = false;
  #refused = false;
  readonly #firstView = Promise.withResolvers<void>();

  constructor(options: ServedWatchOptions<T>, deps: ServedWatchDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Where it is served; undefined when it is not, or that is not known yet. */
  get type(): ResourceType<T> | undefined {
    return this.#type;
  }

  /** The first list is in, or it is known that there is nothing to list, or nothing that we may see so far. */
  get synced(): boolean {
    return this.#refused || (this.#reflector?.synced ?? this.#absent);
  }

  /** Resolves with the first list, or when it is known that there is none; not while the resource is refused. */
  async whenSynced(): Promise<void> {
    await this.#firstView.promise;
  }

  get(key: ObjectKey): T | undefined {
    return this.#reflector?.get(key);
  }

  list(): Iterable<T> {
    return this.#reflector?.list() ?? [];
  }

  /** Calls for each change from now on: also for the deletion of all that is no longer served. */
  subscribe(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  /** Keeps the view up to date until the signal aborts. Never rejects for what the server does. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#deps;
    while (!signal.aborted) {
      let { lookAgainMs: pauseMs = defaultLookAgainMs } = this.#options;
      try {
        const type = await this.#servedType(signal);
        this.#absent = type === undefined;
        if (type === undefined) {
          this.#firstView.resolve();
        } else {
          await this.#watch(type, signal);
          // Discovery may go on naming what is being removed, so that it is not asked at once.
          pauseMs = retryMs;
        }
      } catch (error) {
        if (signal.aborted) return;
        onError?.(error);
        pauseMs = retryMs;
      }
      await sleep(clock, pauseMs, signal).catch(() => {});
    }
  }

  async #servedType(signal: AbortSignal): Promise<ResourceType<T> | undefined> {
    for (const type of this.#options.types) {
      const served = await servedResources(this.#deps.client, type, { signal });
      if (served.has(type.plural)) return type;
    }
    return undefined;
  }

  /** Until the signal aborts or the version is no longer served. */
  async #watch(type: ResourceType<T>, signal: AbortSignal): Promise<void> {
    const { client, clock, random, onError } = this.#deps;
    const { types: _, lookAgainMs: __, ...options } = this.#options;
    const gone = new AbortController();
    const reflector = new Reflector<T>(
      { ...options, resource: client.resource(type) },
      {
        clock,
        random,
        onError: (error) => {
          onError?.(error);
          if (isKubeError(error, 'not-found')) gone.abort();
          if (isKubeError(error, 'forbidden')) this.#refused = true;
        },
      },
    );
    reflector.subscribe((change) => this.#tell(change));
    this.#reflector = reflector;
    this.#type = type;
    const until = AbortSignal.any([signal, gone.signal]);
    reflector.whenSynced(until).then(this.#firstView.resolve, () => {});
    await reflector.run(until);
    this.#reflector = undefined;
    this.#type = undefined;
    this.#refused = false;
    // What is there in another version is told of anew; of the rest nobody would ever tell that it went.
    if (!signal.aborted) for (const object of reflector.list()) this.#tell({ type: 'deleted', object });
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}
