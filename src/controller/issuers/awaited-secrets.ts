import type { ObjectKey } from '../../kube/index.ts';

export interface AwaitedSecretsOptions {
  /** Of the requests that wait here, in the names of owners of Secrets. */
  readonly kind: string;
  /** Each costs a watch. */
  readonly limit: number;
}

export interface AwaitedSecretsDependencies {
  /** Names all Secrets that an owner needs from now on. */
  readonly want: (owner: string, keys: readonly ObjectKey[]) => void;
  /** The Secret of a request that waits has changed. */
  readonly onChange: (request: string) => void;
}

/** The Secrets that single requests wait for. */
export class AwaitedSecrets {
  readonly #waiting = new Set<string>();
  readonly #options: AwaitedSecretsOptions;
  readonly #deps: AwaitedSecretsDependencies;

  constructor(options: AwaitedSecretsOptions, deps: AwaitedSecretsDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  /** False when there is no room; with no Secret the request waits for none, and that always works. */
  await(request: string, secret: ObjectKey | undefined): boolean {
    const { kind, limit } = this.#options;
    const owner = `${kind}/${request}`;
    if (secret === undefined) {
      if (this.#waiting.delete(request)) this.#deps.want(owner, []);
      return true;
    }
    if (!this.#waiting.has(request) && this.#waiting.size >= limit) return false;
    this.#waiting.add(request);
    this.#deps.want(owner, [secret]);
    return true;
  }

  /** A Secret of this owner has changed; false when the owner is no request from here. */
  changed(owner: string): boolean {
    const prefix = `${this.#options.kind}/`;
    if (!owner.startsWith(prefix)) return false;
    this.#deps.onChange(owner.slice(prefix.length));
    return true;
  }
}
