import { anchorsHash } from '../../../api/anchor-set.ts';
import { joinPem } from '../../issuers/ca/ca-key-pair.ts';
import type { CaKeyPair } from '../../issuers/ca/ca-key-pair.ts';
import type { SigningChoice } from '../../issuers/ca/signing-choice.ts';
import { fingerprint } from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';
import type { KeptPair } from './previous-pairs.ts';
import { published, withSigned } from './rotation.ts';
import type { Authority, PresentAuthority, Rotation } from './rotation.ts';

export interface IssuerRotationDependencies {
  readonly now: () => number;
  /** More was signed than the state provides for: it should be kept anew. */
  readonly onOutgrown: () => void;
}

/** What is known of an issuer at first sight. */
export interface IssuerRotationStart {
  readonly rotation: Rotation;
  /** Those that the state names. */
  readonly certificates: readonly Certificate[];
  /** The text that the state was read from. */
  readonly record: string | undefined;
}

/** What verifiers are to trust. */
export interface PublishedAnchors {
  /** In a stable order, none twice. */
  readonly certificates: readonly Certificate[];
  readonly pem: string;
  readonly hash: string;
}

interface Signed {
  readonly by: Authority;
  readonly until: number;
}

/** One issuer's rotation with the certificates and keys that belong to it: which of them signs at this moment. */
export class IssuerRotation {
  readonly #deps: IssuerRotationDependencies;
  readonly #certificates = new Map<string, Certificate>();
  #rotation: Rotation;
  #record: string | undefined;
  #published: PublishedAnchors;
  #present: KeptPair | undefined;
  /** Those that the state speaks of and that came since, by their ids. */
  readonly #pairs = new Map<string, KeptPair>();
  /** What was signed and is in no record yet, by the id of the CA. */
  readonly #unsaved = new Map<string, Signed>();
  /** Of these what {@link begin} gave away: the next state has it, or has dropped it. */
  #begun: ReadonlySet<Signed> = new Set();
  #choice: SigningChoice | undefined;
  /** Shown to those whose requests wait. */
  #waitingFor = 'the new CA is not known to all nodes yet';

  constructor(start: IssuerRotationStart, deps: IssuerRotationDependencies) {
    this.#deps = deps;
    this.#rotation = start.rotation;
    this.#record = start.record;
    this.#learn(start.certificates);
    this.#published = this.#publish(start.rotation);
  }

  get rotation(): Rotation {
    return this.#rotation;
  }

  /** What the cluster has of the state, as this process wrote or read it. */
  get record(): string | undefined {
    return this.#record;
  }

  get published(): PublishedAnchors {
    return this.#published;
  }

  /** The pair that the state says signs, wherever it is from; undefined when its key is not at hand. */
  get signing(): KeptPair | undefined {
    return this.#rotation.phase === 'waiting' ? undefined : this.#pairs.get(this.#rotation.signing.id);
  }

  /** The pair that was in the Secret before, from where it was kept. */
  offer(kept: KeptPair): void {
    this.#pairs.set(kept.pair.id, kept);
    this.#choice = undefined;
  }

  /** The pair in the Secret; what signs may still be another. */
  see(present: KeptPair): void {
    if (present.pair === this.#present?.pair) return;
    this.#present = present;
    this.offer(present);
  }

  /** What the state of a pair is told of; its certificates are remembered for {@link anchorsOf}. */
  authorityOf(pair: CaKeyPair): PresentAuthority {
    this.#learn(pair.anchors);
    const now = this.#deps.now();
    const verifiedBy = [...this.#certificates]
      .filter(([, known]) => known.notAfter.getTime() > now && pair.checks.verifies(known))
      .map(([id]) => id);
    return { ...authorityOf(pair), verifiedBy };
  }

  /** What a state publishes. */
  anchorsOf(rotation: Rotation): PublishedAnchors {
    return rotation === this.#rotation ? this.#published : this.#publish(rotation);
  }

  /** The state that the next one is made from: what is signed from now on is taken over into that. */
  begin(): Rotation {
    this.#begun = new Set(this.#unsaved.values());
    return this.#rotation;
  }

  /** From now on this is the state: it has been written as this record, with what it publishes. */
  commit(next: Rotation, record: string): void {
    this.#record = record;
    for (const [id, signed] of this.#unsaved) if (this.#begun.has(signed)) this.#unsaved.delete(id);
    this.#become(next);
    this.#forgetOthers(this.#rotation);
  }

  /** The state as another controller left it. */
  takeUp(rotation: Rotation, certificates: readonly Certificate[], record: string | undefined): void {
    this.#record = record;
    this.#learn(certificates);
    this.#become(rotation);
  }

  say(waitingFor: string): void {
    if (waitingFor === this.#waitingFor) return;
    this.#waitingFor = waitingFor;
    this.#choice = undefined;
  }

  /** Which pair signs now, given the one in the Secret. */
  choose(present: KeptPair): SigningChoice {
    this.see(present);
    const choice = (this.#choice ??= this.#chooseAnew(present));
    if (choice.choice !== 'sign' || choice.pair.certificate.notAfter.getTime() > this.#deps.now())
      return choice;
    return this.#wait();
  }

  #chooseAnew(present: KeptPair): SigningChoice {
    const rotation = this.#rotation;
    if (rotation.phase === 'waiting') return this.#wait();
    const pair = present.pair.id === rotation.signing.id ? present.pair : this.signing?.pair;
    if (!pair) return this.#wait();
    const steady = rotation.phase === 'steady' && pair === present.pair;
    const anchors = steady ? pair.anchors : this.#published.certificates;
    const authority = rotation.signing;
    return {
      choice: 'sign',
      pair,
      anchors,
      ca: steady ? joinPem(anchors) : this.#published.pem,
      onSign: (until) => this.#signed(authority, until),
    };
  }

  #wait(): SigningChoice {
    return { choice: 'wait', anchors: this.#published.certificates, message: this.#waitingFor };
  }

  #signed(by: Authority, until: number): void {
    const before = this.#unsaved.get(by.id)?.until ?? 0;
    if (until > before) this.#unsaved.set(by.id, { by, until });
    const next = withSigned(this.#rotation, by, until, this.#deps.now());
    if (next === this.#rotation) return;
    this.#set(next);
    this.#deps.onOutgrown();
  }

  /** The state that is written, and what was signed beyond it. */
  #become(written: Rotation): void {
    const now = this.#deps.now();
    let rotation = written;
    for (const [id, { by, until }] of this.#unsaved) {
      if (withSigned(written, by, until, now) === written) this.#unsaved.delete(id);
      else rotation = withSigned(rotation, by, until, now);
    }
    this.#set(rotation);
    if (rotation !== written) this.#deps.onOutgrown();
  }

  #set(rotation: Rotation): void {
    this.#rotation = rotation;
    this.#published = this.#publish(rotation);
    this.#choice = undefined;
  }

  #forgetOthers(rotation: Rotation): void {
    const anchors = new Set([...published(rotation), ...(this.#present?.pair.anchors ?? []).map(idOf)]);
    for (const id of this.#certificates.keys()) if (!anchors.has(id)) this.#certificates.delete(id);
    const signing = rotation.phase === 'waiting' ? undefined : rotation.signing.id;
    const pairs = new Set([signing, this.#present?.pair.id]);
    for (const id of this.#pairs.keys()) if (!pairs.has(id)) this.#pairs.delete(id);
  }

  #learn(certificates: readonly Certificate[]): void {
    for (const certificate of certificates) this.#certificates.set(idOf(certificate), certificate);
  }

  #publish(rotation: Rotation): PublishedAnchors {
    const certificates = published(rotation).flatMap((id) => this.#certificates.get(id) ?? []);
    const pem = joinPem(certificates);
    return { certificates, pem, hash: anchorsHash(pem) };
  }
}

export function authorityOf({ id, anchors, certificate, under }: CaKeyPair): Authority {
  return {
    id,
    anchors: anchors.map(idOf),
    under: under.map(idOf),
    notAfter: certificate.notAfter.getTime(),
  };
}

export function idOf(certificate: Certificate): string {
  return fingerprint(certificate.der);
}
