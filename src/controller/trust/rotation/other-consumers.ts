import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';

/** What hands anchors of issuers to readers who report nothing back, such as Bundles and ClusterTrustBundles. */
export type ConsumerKind = 'bundles' | 'cluster-trust-bundles';

/** Which issuers have readers beside volumes: a new CA of theirs waits for a time too, not for coverage alone. */
export class OtherConsumers {
  readonly #issuers = new Map<ConsumerKind, ReadonlySet<string>>();
  readonly #listeners: ((issuer: string) => void)[] = [];

  /** Names all issuers whose anchors this kind of consumer hands on from now on. */
  replace(kind: ConsumerKind, issuers: Iterable<IssuerKey>): void {
    const before = this.#issuers.get(kind) ?? new Set();
    const after = new Set([...issuers].map(issuerKeyText));
    this.#issuers.set(kind, after);
    for (const issuer of before.symmetricDifference(after)) {
      for (const listener of this.#listeners) listener(issuer);
    }
  }

  has(issuer: IssuerKey): boolean {
    const text = issuerKeyText(issuer);
    return [...this.#issuers.values()].some((issuers) => issuers.has(text));
  }

  /** Told of each issuer, as issuerKeyText has it, that got or lost such readers. */
  subscribe(listener: (issuer: string) => void): void {
    this.#listeners.push(listener);
  }
}
