import {
  KubeError,
  type KubeList,
  type ListQuery,
  type Resource,
  type StreamOptions,
  type WatchEvent,
  type WatchQuery,
} from '../../../../src/kube/index.ts';
import { type ConfigMap, configMap, configMaps } from './config-maps.ts';

interface OpenWatch {
  readonly query: WatchQuery;
  readonly onEvent: (event: WatchEvent<ConfigMap>) => void;
  readonly end: (error?: Error) => void;
}

/** ConfigMaps in memory, with versions, a history to watch from, and the ways in which a real server fails. */
export class FakeResource implements Pick<Resource<ConfigMap>, 'type' | 'list' | 'watch'> {
  readonly type = configMaps;
  readonly lists: ListQuery[] = [];
  readonly watches: WatchQuery[] = [];
  /** Each call fails with the next of these. */
  readonly failures: Error[] = [];
  /** The server is away: every call fails. */
  away = false;
  readonly #objects = new Map<string, ConfigMap>();
  readonly #open = new Set<OpenWatch>();
  #history: WatchEvent<ConfigMap>[] = [];
  #version = 100;
  #compacted = 0;

  get open(): number {
    return this.#open.size;
  }

  set(name: string, uid?: string): ConfigMap {
    const object = configMap(name, ++this.#version, uid);
    const type = this.#objects.has(name) ? 'MODIFIED' : 'ADDED';
    this.#objects.set(name, object);
    this.#tell({ type, object });
    return object;
  }

  remove(name: string): void {
    const object = this.#objects.get(name);
    if (object !== undefined) {
      this.#objects.delete(name);
      this.#tell({ type: 'DELETED', object: configMap(name, ++this.#version, object.metadata.uid) });
    }
  }

  bookmark(): void {
    const object: ConfigMap = { metadata: { resourceVersion: String(++this.#version) } };
    this.#tell({ type: 'BOOKMARK', object });
  }

  /** Ends the open watches, as the server does after their time, or with an error. */
  cut(error?: Error): void {
    for (const watch of this.#open) {
      watch.end(error);
    }
  }

  /** Forgets how the present state came to be. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#version;
  }

  list(query: ListQuery = {}): Promise<KubeList<ConfigMap>> {
    this.lists.push(query);
    const failure = this.#failure();
    if (failure !== undefined) {
      return Promise.reject(failure);
    }
    const all = [...this.#objects.values()];
    const from = Number(query.continue ?? 0);
    const until = query.limit === undefined ? all.length : from + query.limit;
    return Promise.resolve({
      metadata: {
        resourceVersion: String(this.#version),
        ...(until < all.length && { continue: String(until) }),
      },
      items: all.slice(from, until),
    });
  }

  watch(
    query: WatchQuery,
    onEvent: (event: WatchEvent<ConfigMap>) => void,
    { signal, onOpen }: StreamOptions,
  ): Promise<void> {
    this.watches.push(query);
    const failure = this.#failure() ?? (Number(query.resourceVersion) < this.#compacted ? gone() : undefined);
    if (failure !== undefined) {
      return Promise.reject(failure);
    }
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        this.#open.delete(watch);
        signal.removeEventListener('abort', onAbort);
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      };
      const onAbort = (): void => end(new KubeError('aborted', 'aborted'));
      const watch = { query, onEvent, end };
      signal.addEventListener('abort', onAbort);
      this.#open.add(watch);
      onOpen?.();
      for (const event of this.#history) {
        if (Number(event.object.metadata.resourceVersion) > Number(query.resourceVersion)) {
          onEvent(event);
        }
      }
    });
  }

  #failure(): Error | undefined {
    return this.away ? new KubeError('unavailable', 'the server is away') : this.failures.shift();
  }

  #tell(event: WatchEvent<ConfigMap>): void {
    this.#history.push(event);
    for (const watch of this.#open) {
      watch.onEvent(event);
    }
  }
}

export function gone(): KubeError {
  return new KubeError('gone', 'too old resource version', { status: 410 });
}
