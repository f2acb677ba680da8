import type { ObjectKey } from '../../kube/index.ts';

export interface AwaitedSecretsDependencies {
  readonly want: (owner: string, keys: readonly ObjectKey[]) => void;
}

const prefix = 'CertificateRequest/';

/** The Secrets that single requests wait for, each at the cost of a watch: at most so many at once. */
export class AwaitedSecrets {
  readonly #waiting = new Set<string>();
  readonly #limit: number;
  readonly #deps: AwaitedSecretsDependencies;

  constructor(limit: number, deps: AwaitedSecretsDependencies) {
    this.#limit = limit;
    this.#deps = deps;
  }

  /** False when there is no room; with no Secret the request waits for none, and that always works. */
  await(request: string, secret: ObjectKey | undefined): boolean {
    if (secret === undefined) {
      if (this.#waiting.delete(request)) this.#deps.want(prefix + request, []);
      return true;
    }
    if (!this.#waiting.has(request) && this.#waiting.size >= this.#limit) return false;
    this.#waiting.add(request);
    this.#deps.want(prefix + request, [secret]);
    return true;
  }
}

/** The request that an owner of a Secret is; undefined for an issuer. */
export function awaitingRequest(owner: string): string | undefined {
  return owner.startsWith(prefix) ? owner.slice(prefix.length) : undefined;
}
