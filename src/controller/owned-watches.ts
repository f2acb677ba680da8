/** Something under watch. */
export interface Watched<T> {
  readonly synced: boolean;
  current(): T;
}

export interface WatchListener<K> {
  /**
   * It was read for the first time, or has changed.
   *
   * @param concerns told what an owner has named; every owner is concerned when not given
   */
  changed(concerns?: (named: readonly K[]) => boolean): void;
  failed(message: string): void;
}

export type WatchState<T> =
  | { readonly state: 'loading' }
  /** It could not be read so far, for a reason that an administrator may have to mend. */
  | { readonly state: 'unavailable'; readonly message: string }
  | { readonly state: 'known'; readonly value: T };

export interface OwnedWatchesDependencies<K, T> {
  /** What has the same text shares a watch. */
  readonly textOf: (key: K) => string;
  /** Watches until the signal aborts. */
  readonly watch: (key: K, listener: WatchListener<K>, signal: AbortSignal) => Watched<T>;
  /** Told for each owner for whom something new is known. */
  readonly onChange: (owner: string) => void;
}

interface Entry<T> {
  readonly owners: Set<string>;
  readonly stop: AbortController;
  watched?: Watched<T>;
  failure?: string;
}

/** Watches of what somebody names, and of nothing else: each is open for as long as it has an owner. */
export class OwnedWatches<K, T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #wanted = new Map<string, readonly K[]>();
  readonly #deps: OwnedWatchesDependencies<K, T>;

  constructor(deps: OwnedWatchesDependencies<K, T>) {
    this.#deps = deps;
  }

  /** How many are open. */
  get size(): number {
    return this.#entries.size;
  }

  /** Names all that an owner needs from now on; nothing drops the owner. */
  want(owner: string, keys: readonly K[]): void {
    const { textOf } = this.#deps;
    const before = (this.#wanted.get(owner) ?? []).map(textOf);
    const after = new Set(keys.map(textOf));
    if (keys.length === 0) this.#wanted.delete(owner);
    else this.#wanted.set(owner, keys);
    for (const key of keys) this.#acquire(owner, key);
    for (const text of before) if (!after.has(text)) this.#release(owner, text);
  }

  /** Loading also for what nobody has named. */
  get(key: K): WatchState<T> {
    const entry = this.#entries.get(this.#deps.textOf(key));
    if (entry?.watched?.synced === true) return { state: 'known', value: entry.watched.current() };
    return entry?.failure === undefined
      ? { state: 'loading' }
      : { state: 'unavailable', message: entry.failure };
  }

  /** Ends all watches. */
  close(): void {
    for (const { stop } of this.#entries.values()) stop.abort();
    this.#entries.clear();
    this.#wanted.clear();
  }

  #acquire(owner: string, key: K): void {
    const text = this.#deps.textOf(key);
    const present = this.#entries.get(text);
    if (present) {
      present.owners.add(owner);
      return;
    }
    const entry: Entry<T> = { owners: new Set([owner]), stop: new AbortController() };
    this.#entries.set(text, entry);
    const listener: WatchListener<K> = {
      changed: (concerns) => {
        delete entry.failure;
        this.#tell(entry, concerns);
      },
      failed: (message) => {
        // Owners look once at each new failure, not at each attempt.
        if (message === entry.failure) return;
        entry.failure = message;
        this.#tell(entry);
      },
    };
    entry.watched = this.#deps.watch(key, listener, entry.stop.signal);
  }

  #tell({ owners, stop }: Entry<T>, concerns: (named: readonly K[]) => boolean = () => true): void {
    if (stop.signal.aborted) return;
    for (const owner of owners) {
      if (concerns(this.#wanted.get(owner) ?? [])) this.#deps.onChange(owner);
    }
  }

  #release(owner: string, text: string): void {
    const entry = this.#entries.get(text);
    if (!entry) return;
    entry.owners.delete(owner);
    if (entry.owners.size > 0) return;
    this.#entries.delete(text);
    entry.stop.abort();
  }
}
