import type { Secret } from '../../api/core.ts';
import { keyText } from '../../kube/index.ts';
import type { ObjectKey } from '../../kube/index.ts';

export type SecretState =
  | { readonly state: 'loading' }
  | { readonly state: 'absent' }
  /** It could not be read so far, for a reason that an administrator may have to mend. */
  | { readonly state: 'unavailable'; readonly message: string }
  | { readonly state: 'present'; readonly secret: Secret };

/** One Secret under watch. */
export interface WatchedSecret {
  readonly synced: boolean;
  current(): Secret | undefined;
}

export interface SecretListener {
  /** The Secret was read for the first time, changed, or went away. */
  changed(): void;
  failed(message: string): void;
}

export interface NamedSecretsDependencies {
  /** Watches one Secret until the signal aborts. */
  readonly watch: (key: ObjectKey, listener: SecretListener, signal: AbortSignal) => WatchedSecret;
  /** Told for each owner of a Secret of which something new is known. */
  readonly onChange: (owner: string) => void;
}

interface Entry {
  readonly owners: Set<string>;
  readonly stop: AbortController;
  watched?: WatchedSecret;
  failure?: string;
}

/** The only Secrets that the controller holds: those that somebody names, each under one watch of its own. */
export class NamedSecrets {
  readonly #entries = new Map<string, Entry>();
  readonly #wanted = new Map<string, readonly string[]>();
  readonly #deps: NamedSecretsDependencies;

  constructor(deps: NamedSecretsDependencies) {
    this.#deps = deps;
  }

  /** How many Secrets are under watch. */
  get size(): number {
    return this.#entries.size;
  }

  /** Names all Secrets that an owner needs from now on; none of them drops the owner. */
  want(owner: string, keys: readonly ObjectKey[]): void {
    const before = this.#wanted.get(owner) ?? [];
    const texts = keys.map(keyText);
    if (texts.length === 0) this.#wanted.delete(owner);
    else this.#wanted.set(owner, texts);
    for (const key of keys) this.#acquire(owner, key);
    for (const text of before) if (!texts.includes(text)) this.#release(owner, text);
  }

  /** Loading also for a Secret that nobody has named. */
  get(key: ObjectKey): SecretState {
    const entry = this.#entries.get(keyText(key));
    if (entry?.watched?.synced) {
      const secret = entry.watched.current();
      return secret ? { state: 'present', secret } : { state: 'absent' };
    }
    return entry?.failure === undefined
      ? { state: 'loading' }
      : { state: 'unavailable', message: entry.failure };
  }

  /** Ends all watches. */
  close(): void {
    for (const entry of this.#entries.values()) entry.stop.abort();
    this.#entries.clear();
    this.#wanted.clear();
  }

  #acquire(owner: string, key: ObjectKey): void {
    const text = keyText(key);
    const present = this.#entries.get(text);
    if (present) {
      present.owners.add(owner);
      return;
    }
    const entry: Entry = { owners: new Set([owner]), stop: new AbortController() };
    this.#entries.set(text, entry);
    const tell = (failure: string | undefined): void => {
      if (entry.stop.signal.aborted) return;
      // Owners look once at each new failure, not at each attempt.
      if (failure !== undefined && failure === entry.failure) return;
      if (failure === undefined) delete entry.failure;
      else entry.failure = failure;
      for (const one of entry.owners) this.#deps.onChange(one);
    };
    const listener: SecretListener = { changed: () => tell(undefined), failed: tell };
    entry.watched = this.#deps.watch(key, listener, entry.stop.signal);
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
