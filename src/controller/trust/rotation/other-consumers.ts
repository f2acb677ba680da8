import type { Certificate } from '../../../pki/index.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';

/** What hands anchors of issuers on, beside the issuers' own AnchorSets. */
export type ConsumerKind = 'bundles' | 'cluster-trust-bundles';

/** One that hands an issuer's anchors on, such as a Bundle or a ClusterTrustBundle. */
export interface AnchorConsumer {
  /** As in `Bundle mesh`. */
  readonly name: string;
  /** It has readers who report nothing back: what it hands on takes a time to be everywhere. */
  readonly isSilent: boolean;
  /** Why not all of these are handed on yet, for people; undefined when they are. */
  lacks(anchors: readonly Certificate[]): string | undefined;
  /** Of one that volumes read: its AnchorSet. */
  readonly set?: ConsumerSet;
}

export interface ConsumerSet {
  readonly name: string;
  /** Of what was last published; undefined before. */
  hash(): string | undefined;
}

/** Who reads the anchors of issuers beside the volumes that name these: a new CA waits for them, too. */
export class OtherConsumers {
  /** By kind and issuer. */
  readonly #consumers = new Map<ConsumerKind, ReadonlyMap<string, readonly AnchorConsumer[]>>();
  /** Of which kinds it is not known yet what there is. */
  readonly #expected = new Map<ConsumerKind, AnchorConsumer>();
  /** Issuers by the name of a set that hands on their anchors. */
  #readers: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  readonly #listeners: ((issuer: string) => void)[] = [];

  /**
   * There may be consumers of this kind that are not known yet, of any issuer.
   *
   * @param lack why the anchors do not count as handed on until then, for people
   */
  expect(kind: ConsumerKind, lack: string): void {
    this.#expected.set(kind, { name: kind, isSilent: true, lacks: () => lack });
  }

  /** Names all consumers of this kind from now on, each with an issuer whose anchors it hands on. */
  replace(kind: ConsumerKind, consumers: Iterable<readonly [IssuerKey, AnchorConsumer]>): void {
    const before = this.#consumers.get(kind) ?? new Map<string, readonly AnchorConsumer[]>();
    const after = new Map<string, AnchorConsumer[]>();
    for (const [issuer, consumer] of consumers) {
      const text = issuerKeyText(issuer);
      after.set(text, [...(after.get(text) ?? []), consumer]);
    }
    this.#consumers.set(kind, after);
    this.#expected.delete(kind);
    this.#readers = this.#readersOfSets();
    for (const issuer of new Set([...before.keys(), ...after.keys()])) {
      if (consumersText(before.get(issuer)) !== consumersText(after.get(issuer))) this.#tell(issuer);
    }
  }

  of(issuer: IssuerKey): readonly AnchorConsumer[] {
    const text = issuerKeyText(issuer);
    const known = [...this.#consumers.values()].flatMap((issuers) => issuers.get(text) ?? []);
    return [...this.#expected.values(), ...known];
  }

  /** The issuers, as issuerKeyText has them, whose anchors volumes have from this AnchorSet. */
  readersOf(set: string): Iterable<string> {
    return this.#readers.get(set) ?? [];
  }

  /** A consumer of this issuer has got on. */
  changed(issuer: IssuerKey): void {
    this.#tell(issuerKeyText(issuer));
  }

  /** Told of each issuer, as issuerKeyText has it, that has other consumers or whose consumers have got on. */
  subscribe(listener: (issuer: string) => void): void {
    this.#listeners.push(listener);
  }

  #tell(issuer: string): void {
    for (const listener of this.#listeners) listener(issuer);
  }

  #readersOfSets(): ReadonlyMap<string, ReadonlySet<string>> {
    const readers = new Map<string, Set<string>>();
    for (const [issuer, consumers] of [...this.#consumers.values()].flatMap((issuers) => [...issuers])) {
      for (const { set } of consumers) {
        if (set) readers.set(set.name, (readers.get(set.name) ?? new Set()).add(issuer));
      }
    }
    return readers;
  }
}

/** The same for the same consumers, whatever they hand on. */
export function consumersText(consumers: readonly AnchorConsumer[] = []): string {
  const texts = consumers.map(({ name, isSilent }) => JSON.stringify([name, isSilent]));
  return texts.toSorted().join('\n');
}
