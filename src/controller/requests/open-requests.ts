/** Which open requests name which issuer, so that an issuer's change finds those that may wait for it. */
export class OpenRequests {
  readonly #issuerOf = new Map<string, string>();
  readonly #requestsOf = new Map<string, Set<string>>();

  /** How many requests are open. */
  get size(): number {
    return this.#issuerOf.size;
  }

  has(request: string): boolean {
    return this.#issuerOf.has(request);
  }

  add(request: string, issuer: string): void {
    // spec.issuerRef never changes, but a request may be replaced by another of its name.
    if (this.#issuerOf.get(request) === issuer) return;
    this.delete(request);
    this.#issuerOf.set(request, issuer);
    const requests = this.#requestsOf.get(issuer);
    if (requests) requests.add(request);
    else this.#requestsOf.set(issuer, new Set([request]));
  }

  delete(request: string): void {
    const issuer = this.#issuerOf.get(request);
    if (issuer === undefined) return;
    this.#issuerOf.delete(request);
    const requests = this.#requestsOf.get(issuer);
    requests?.delete(request);
    if (requests?.size === 0) this.#requestsOf.delete(issuer);
  }

  all(): Iterable<string> {
    return this.#issuerOf.keys();
  }

  of(issuer: string): Iterable<string> {
    return this.#requestsOf.get(issuer) ?? [];
  }
}
