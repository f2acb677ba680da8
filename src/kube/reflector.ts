import { backoffMs } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import { isKubeError, KubeError } from './errors.ts';
import type { WatchEvent } from './http/watch-stream.ts';
import { keyText, type KubeObject, type ObjectKey } from './object.ts';
import type { Resource } from './resource.ts';
import { type Change, Store } from './store.ts';
import { Waiters } from './waiters.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly resource: Pick<Resource<T>, 'type' | 'list' | 'watch'>;
  /** All namespaces when not given. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Drops what nobody reads, to keep less in memory. May change its argument; must keep name, namespace, uid and resourceVersion. */
  readonly transform?: ((object: T) => T) | undefined;
  /** Objects a page of a list; 500 by default. */
  readonly pageSize?: number | undefined;
  /** A watch silent for longer is opened anew; 180 s by default. The server sends a bookmark every one or two minutes. */
  readonly inactivityMs?: number | undefined;
}

export interface ReflectorDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of every failure, the server's and the listeners'. The reflector goes on regardless. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** From 0.4 to 0.8 s up to 7.5 to 15 s: a server that is back must not be kept waiting by its clients for long. */
const reconnectBackoff = { baseMs: 800, maxMs: 15_000 };

/** A proxy may say anything, and nobody would know for hours that the view is old. */
const longestRetryAfterMs = 60_000;

/** A watch that the server ends sooner without a word counts as a failure, or the loop would spin. */
const shortestWatchMs = 1_000;

/**
 * A view of all objects of a selection that is kept up to date by one list and one watch.
 *
 * While the server is away the last state known stays readable; what was missed is told of as changes when the
 * connection is back, deletions included. A state that came and went meanwhile is not seen by anybody.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #deps: ReflectorDependencies;
  readonly #store = new Store<T>();
  readonly #waiters = new Waiters<T>();
  readonly #syncedWaiters = new Waiters<true>();
  #listeners: readonly ((change: Change<T>) => void)[] = [];
  /** Where the next watch starts; undefined when a list is due. */
  #resourceVersion: string | undefined;
  #synced = false;
  #connected = false;
  #running = false;
  /** In a row; an event ends it. */
  #failures = 0;
  /** The last list was due to a version too old, and no event has come since. */
  #relisted = false;

  constructor(options: ReflectorOptions<T>, deps: ReflectorDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Keeps the view up to date until the signal aborts. Never rejects for what the server does. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running) {
      throw new Error(`reflector of ${this.#options.resource.type.plural}: already running`);
    }
    this.#running = true;
    try {
      while (!signal.aborted) {
        const delayMs = await this.#listAndWatch(signal);
        this.#connected = false;
        if (delayMs > 0) {
          await sleep(this.#deps.clock, delayMs, signal).catch(() => {});
        }
      }
    } finally {
      this.#running = false;
      this.#connected = false;
    }
  }

  /** The first list is in: what the store does not have does not exist, as far as was heard. Never false again. */
  get synced(): boolean {
    return this.#synced;
  }

  /** A watch is open. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves once synced. Rejects with the signal's reason. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    if (!this.#synced) {
      await this.#syncedWaiters.wait('', () => true, signal);
    }
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(keyText(key));
  }

  list(): IterableIterator<T> {
    return this.#store.values();
  }

  get size(): number {
    return this.#store.size;
  }

  /** Calls for each change from now on, in order, after the store has changed. Returns what ends that. */
  subscribe(listener: (change: Change<T>) => void): () => void {
    const entry = (change: Change<T>): void => listener(change);
    this.#listeners = [...this.#listeners, entry];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry);
    };
  }

  /**
   * Resolves with the first state of the object that is accepted, the present one included; undefined stands for an
   * object that is not there, and is only asked about when synced. An object just created may not be there yet.
   * Rejects with the signal's reason, and with what accept throws.
   */
  async waitFor(
    key: ObjectKey,
    accept: (object: T | undefined) => boolean,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    signal.throwIfAborted();
    const text = keyText(key);
    const present = this.#store.get(text);
    if (this.#synced && accept(present)) {
      return present;
    }
    return this.#waiters.wait(text, accept, signal);
  }

  /** @returns milliseconds to wait before the next round */
  async #listAndWatch(signal: AbortSignal): Promise<number> {
    const { clock, random, onError } = this.#deps;
    try {
      if (this.#resourceVersion === undefined) {
        await this.#list(signal);
      }
      const startedAt = clock.now();
      const before = this.#resourceVersion;
      await this.#watch(signal);
      if (this.#resourceVersion === before && Math.abs(clock.now() - startedAt) < shortestWatchMs) {
        throw new KubeError('unavailable', `watch of ${this.#options.resource.type.plural}: ended at once`);
      }
      this.#recovered();
      return 0;
    } catch (error) {
      if (signal.aborted) {
        return 0;
      }
      this.#failures += 1;
      if (isKubeError(error, 'gone')) {
        // Usual after a time away: the watch cannot go on from where it was. A list at once, unless this repeats.
        const again = this.#resourceVersion === undefined || this.#relisted;
        this.#resourceVersion = undefined;
        this.#relisted = true;
        return again ? backoffMs(this.#failures, reconnectBackoff, random) : 0;
      }
      if (isKubeError(error) && error.status === 504) {
        // Also what the server says to a version that it has yet to reach, as after etcd was restored from a backup.
        this.#resourceVersion = undefined;
      }
      onError?.(error);
      const asked = isKubeError(error) ? Math.min(error.retryAfterMs ?? 0, longestRetryAfterMs) : 0;
      return Math.max(asked * (1 + random() / 4), backoffMs(this.#failures, reconnectBackoff, random));
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { resource, namespace, labelSelector, fieldSelector, pageSize = 500 } = this.#options;
    const selection = { namespace, labelSelector, fieldSelector };
    const objects: T[] = [];
    let page = await resource.list({ ...selection, limit: pageSize }, { signal, retry: false });
    for (;;) {
      for (const object of page.items) {
        objects.push(this.#transformed(object));
      }
      const next = page.metadata.continue;
      if (next === undefined || next === '') {
        break;
      }
      try {
        page = await resource.list(
          { ...selection, limit: pageSize, continue: next },
          { signal, retry: false },
        );
      } catch (error) {
        if (!isKubeError(error, 'gone')) {
          throw error;
        }
        // Too slow for the pages to stay one snapshot: everything at once then.
        objects.length = 0;
        page = await resource.list(selection, { signal, retry: false });
      }
    }
    this.#store.replace(objects, this.#onChange);
    this.#resourceVersion = page.metadata.resourceVersion;
    if (!this.#synced) {
      this.#synced = true;
      this.#waiters.tellAll((key) => this.#store.get(key));
      this.#syncedWaiters.tell('', true);
    }
  }

  #watch(signal: AbortSignal): Promise<void> {
    const { resource, namespace, labelSelector, fieldSelector, inactivityMs = 180_000 } = this.#options;
    return resource.watch(
      {
        namespace,
        labelSelector,
        fieldSelector,
        resourceVersion: this.#resourceVersion,
        allowWatchBookmarks: true,
        // From 5 to 10 minutes, so that clients which connected together part again.
        timeoutSeconds: Math.round(300 * (1 + this.#deps.random())),
      },
      this.#onEvent,
      { signal, inactivityMs, onOpen: this.#onOpen },
    );
  }

  readonly #onOpen = (): void => {
    this.#connected = true;
  };

  readonly #onEvent = (event: WatchEvent<T>): void => {
    const { type, object } = event;
    if (type === 'ADDED' || type === 'MODIFIED') {
      this.#store.set(this.#transformed(object), this.#onChange);
    } else if (type === 'DELETED') {
      this.#store.delete(this.#transformed(object), this.#onChange);
    }
    this.#recovered();
    this.#resourceVersion = object.metadata.resourceVersion;
  };

  #recovered(): void {
    this.#failures = 0;
    this.#relisted = false;
  }

  readonly #onChange = (key: string, change: Change<T>): void => {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#deps.onError?.(error);
      }
    }
    this.#waiters.tell(key, change.type === 'deleted' ? undefined : change.object);
  };

  #transformed(object: T): T {
    return this.#options.transform === undefined ? object : this.#options.transform(object);
  }
}
