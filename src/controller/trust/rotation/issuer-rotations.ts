import type { AnchorSet } from '../../../api/anchor-set.ts';
import type { Certificate } from '../../../pki/index.ts';
import type { CaKeyPair } from '../../issuers/ca/ca-key-pair.ts';
import { signsAtOnce } from '../../issuers/ca/signing-choice.ts';
import type { SigningChoice } from '../../issuers/ca/signing-choice.ts';
import { setCertificates } from '../anchor-sets/set-certificates.ts';
import { issuerKeyText, parseIssuerKey } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import { authorityOf, idOf, IssuerRotation } from './issuer-rotation.ts';
import type { KeptPair, SecretKey } from './previous-pairs.ts';
import { parseRotationRecord, rotationRecordAnnotation } from './rotation-record.ts';
import type { Rotation } from './rotation.ts';

export interface IssuerRotationsDependencies {
  readonly now: () => number;
  /** Absent: the cluster has no AnchorSets, so that a new CA signs at once. Refused: it may have some. */
  readonly sets: () => 'loading' | 'absent' | 'refused' | 'present';
  /** No controller has ever said of the issuer what it can do. */
  readonly isNew: (key: IssuerKey) => boolean;
  /** As it is kept in the cluster. */
  readonly stored: (key: IssuerKey) => AnchorSet | undefined;
  /** The pair kept beside an issuer's Secret; 'unread' until that is known. */
  readonly previous: (key: IssuerKey, secret: SecretKey) => KeptPair | undefined | 'unread';
  readonly onOutgrown: (issuer: string) => void;
}

/** The rotations of all CA issuers, in memory: what each request asks. */
export class IssuerRotations {
  readonly #deps: IssuerRotationsDependencies;
  readonly #rotations = new Map<string, IssuerRotation>();

  constructor(deps: IssuerRotationsDependencies) {
    this.#deps = deps;
  }

  /** Which pair the issuer signs with, given the one in its Secret. */
  choose(key: IssuerKey, present: KeptPair): SigningChoice {
    const known = this.#rotations.get(issuerKeyText(key));
    if (known) return known.choose(present);
    const sets = this.#deps.sets();
    if (sets === 'loading') return { choice: 'loading' };
    if (sets === 'absent') return signsAtOnce(present.pair);
    const { namespace = '', name = '' } = present.secret.metadata;
    const previous = this.#deps.previous(key, { namespace, name });
    if (previous === 'unread') return { choice: 'loading' };
    return sets === 'refused'
      ? chooseUnseen(present, previous)
      : this.#begin(key, present, previous).choose(present);
  }

  /** Undefined before the issuer's first CA is known. */
  get(key: IssuerKey): IssuerRotation | undefined {
    return this.#rotations.get(issuerKeyText(key));
  }

  /** What the issuer's certificates are verified against, as far as it is known without its Secret. */
  anchors(key: IssuerKey): readonly Certificate[] | undefined {
    const known = this.get(key);
    if (known) return known.published.certificates;
    const stored = this.#deps.stored(key);
    return stored && setCertificates(stored);
  }

  *entries(): Iterable<readonly [IssuerKey, Rotation]> {
    for (const [text, { rotation }] of this.#rotations) yield [parseIssuerKey(text), rotation];
  }

  /** Takes up what another controller has kept. */
  takeUp(key: IssuerKey): void {
    const known = this.get(key);
    const stored = this.#deps.stored(key);
    const text = stored?.metadata.annotations?.[rotationRecordAnnotation];
    const rotation = parseRotationRecord(text);
    if (!known || !stored || !rotation || known.record === text) return;
    known.takeUp(rotation, setCertificates(stored), text);
  }

  forget(key: IssuerKey): void {
    this.#rotations.delete(issuerKeyText(key));
  }

  #begin(key: IssuerKey, present: KeptPair, previous: KeptPair | undefined): IssuerRotation {
    const text = issuerKeyText(key);
    const { now, stored: find, onOutgrown } = this.#deps;
    const stored = find(key);
    const certificates = [...setCertificates(stored), ...present.pair.anchors];
    const record = stored?.metadata.annotations?.[rotationRecordAnnotation];
    const started = parseRotationRecord(record) ?? this.#startOf(key, stored, present.pair);
    const deps = { now, onOutgrown: () => onOutgrown(text) };
    const rotation = new IssuerRotation({ rotation: started, certificates, record }, deps);
    if (previous) rotation.offer(previous);
    this.#rotations.set(text, rotation);
    return rotation;
  }

  /** Where an issuer stands of which there is no record: what was signed by whom has to be supposed. */
  #startOf(key: IssuerKey, stored: AnchorSet | undefined, pair: CaKeyPair): Rotation {
    const now = this.#deps.now();
    const longest = now + unknownLifetimeMs;
    const authority = authorityOf(pair);
    if (!stored) {
      const signedUntil = this.#deps.isNew(key) ? 0 : Math.min(authority.notAfter, longest);
      const signing = { ...authority, signedUntil };
      return { phase: 'steady', signing, since: now, established: onlyOne(authority.under) };
    }
    const former = setCertificates(stored).map((one) => ({
      anchor: idOf(one),
      until: Math.min(one.notAfter.getTime(), longest),
    }));
    const established = onlyOne(former.map(({ anchor }) => anchor));
    return { phase: 'waiting', next: authority, former, since: now, established };
  }
}

/** An old pair is kept as long as a rotation goes on, which another leader may have begun. */
function chooseUnseen({ pair }: KeptPair, previous: KeptPair | undefined): SigningChoice {
  if (!previous) return signsAtOnce(pair);
  const message = 'its CA changes, and the controller may not read AnchorSets';
  return { choice: 'wait', anchors: pair.anchors, message };
}

/** Of several anchors nobody can tell which ones were there before the others. */
function onlyOne(anchors: readonly string[]): readonly string[] {
  return anchors.length === 1 ? anchors : [];
}

/** What certificates are asked for when nobody says for how long. */
const unknownLifetimeMs = 90 * 24 * 3_600_000;
