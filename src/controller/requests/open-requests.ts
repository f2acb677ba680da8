/** A request without an answer, as far as only this process knows it. */
export interface OpenRequest {
  readonly uid: string;
  /** Those that may answer it, each as issuerKeyText has it. */
  readonly issuers: readonly string[];
  /** When it was first seen here, in milliseconds since the epoch. */
  readonly seenAt: number;
  /** The version that an answer was written for. As long as that is the one at hand the watch is behind. */
  answeredVersion?: string | undefined;
  /** Looks in a row that came to nothing. */
  waits: number;
  /** Why it waits, as far as people were told. */
  told?: string;
}

export interface OpenRequestsDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The requests that have no answer yet, by issuer, so that an issuer's change finds those that may wait for it. */
export class OpenRequests {
  readonly #deps: OpenRequestsDependencies;
  readonly #requests = new Map<string, OpenRequest>();
  readonly #requestsOf = new Map<string, Set<string>>();

  constructor(deps: OpenRequestsDependencies) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** What it names never changes, but a request may be replaced by another of its name: that one is new. */
  add(key: string, uid: string, issuers: readonly string[]): void {
    if (this.#requests.get(key)?.uid === uid) return;
    this.delete(key);
    this.#requests.set(key, { uid, issuers, seenAt: this.#deps.now(), waits: 0 });
    for (const issuer of issuers) {
      const requests = this.#requestsOf.get(issuer);
      if (requests) requests.add(key);
      else this.#requestsOf.set(issuer, new Set([key]));
    }
  }

  get(key: string): OpenRequest | undefined {
    return this.#requests.get(key);
  }

  /** False when there was none. */
  delete(key: string): boolean {
    for (const issuer of this.#requests.get(key)?.issuers ?? []) {
      const requests = this.#requestsOf.get(issuer);
      requests?.delete(key);
      if (requests?.size === 0) this.#requestsOf.delete(issuer);
    }
    return this.#requests.delete(key);
  }

  keys(): Iterable<string> {
    return this.#requests.keys();
  }

  of(issuer: string): Iterable<string> {
    return this.#requestsOf.get(issuer) ?? [];
  }
}
