/** A signing CA without its key. Certificates are named by their fingerprints; times are milliseconds since the epoch. */
export interface Authority {
  /** Of the signing certificate and what is sent with it. */
  readonly id: string;
  /** What its issuer's Secret says is to be trusted. */
  readonly anchors: readonly string[];
  /** Of these those that have a part in verifying what it signs. */
  readonly under: readonly string[];
  readonly notAfter: number;
}

/** The CA in the Secret. */
export interface PresentAuthority extends Authority {
  /** Of its own anchors, and of all that are published, those under each of which what it signs is verified. */
  readonly verifiedBy: readonly string[];
}

export interface SigningAuthority extends Authority {
  /** No certificate that verifies under its anchors is valid for longer. */
  readonly signedUntil: number;
}

/** An anchor that is still needed by certificates which were signed before. */
export interface FormerAnchor {
  readonly anchor: string;
  readonly until: number;
}

/** What of the anchors that are published is known, whatever the phase. */
interface Spread {
  /** When they last grew, or nothing was signed any more. */
  readonly since: number;
  /** Those of them that every verifier has had for long enough: what verifies under one of them may be signed at once. */
  readonly established: readonly string[];
}

type Stage =
  /** One CA signs and is trusted. */
  | { readonly phase: 'steady'; readonly signing: SigningAuthority }
  /** The old CA signs while the anchors of the next one are on their way to the nodes. */
  | {
      readonly phase: 'spreading';
      readonly signing: SigningAuthority;
      readonly next: Authority;
      readonly former: readonly FormerAnchor[];
    }
  /** As spreading, but the old key is gone: nothing is signed for a while. */
  | { readonly phase: 'waiting'; readonly next: Authority; readonly former: readonly FormerAnchor[] }
  /** The new CA signs; anchors of old ones are trusted until the last of their certificates has expired. */
  | {
      readonly phase: 'draining';
      readonly signing: SigningAuthority;
      readonly former: readonly FormerAnchor[];
    };

/** Where an issuer stands on its way from one CA to another. */
export type Rotation = Spread & Stage;

export const rotationPhases = ['steady', 'spreading', 'waiting', 'draining'] as const;

/**
 * What an administrator asks for: `hold` lets the old CA sign on, `force` lets the new one sign at once, `drop` does
 * too and takes the trust from everything older.
 */
export const rotationGates = ['hold', 'force', 'drop'] as const;
export type RotationGate = (typeof rotationGates)[number];

/** The world at one moment. */
export interface Observation {
  readonly now: number;
  /** The CA in the issuer's Secret; undefined while there is no usable one. */
  readonly present: PresentAuthority | undefined;
  /** Whether the key of the CA that signs is at hand though the Secret holds another. */
  readonly oldKeyKnown: boolean;
  readonly gate: RotationGate | undefined;
  /** Every verifier has had all that is published for long enough. */
  readonly spread: boolean;
}

/** Requests wait for no longer when there is no old key to sign with. */
export const longestWaitMs = 60_000;

/** The only way from one state to the next. Pure: to publish and to keep it is the caller's, before it acts on it. */
export function advance(rotation: Rotation, seen: Observation): Rotation {
  const trusted = new Set(seen.spread ? published(rotation) : rotation.established);
  // Clocks are set back, and another leader's may be ahead: nothing waits until this one is there.
  const since = Math.min(rotation.since, seen.now);
  const next = dropped(step(withoutExpired({ ...rotation, since }, seen.now), trusted, seen), seen);
  const established = published(next).filter((anchor) => trusted.has(anchor));
  const isNew = publishesMore(rotation, next) || (next.phase === 'waiting' && rotation.phase !== 'waiting');
  return { ...next, since: isNew ? seen.now : since, established };
}

/** Whether there is an anchor in the next state that was not published before. */
export function publishesMore(before: Stage, next: Stage): boolean {
  const known = new Set(published(before));
  return published(next).some((anchor) => !known.has(anchor));
}

/** Every anchor that verifiers are to trust, each once, in an order that the phases do not change. */
export function published(rotation: Stage): readonly string[] {
  const anchors = [
    ...(rotation.phase === 'waiting' ? [] : rotation.signing.anchors),
    ...('next' in rotation ? rotation.next.anchors : []),
    ...formerOf(rotation).map(({ anchor }) => anchor),
  ];
  return [...new Set(anchors)].toSorted();
}

/** The state after a certificate that is valid until then was signed; the same one when that was provided for. */
export function withSigned(rotation: Rotation, by: Authority, until: number, now: number): Rotation {
  // Ahead of what is needed, so that it has to be kept anew only now and then and not for each certificate.
  const ahead = Math.min(by.notAfter, until + Math.max(shortestLeadMs, (until - now) / 4));
  const former = formerOf(rotation);
  const known = new Map(former.map(({ anchor, until: end }) => [anchor, end]));
  if (rotation.phase !== 'waiting') {
    for (const anchor of rotation.signing.under) known.set(anchor, rotation.signing.signedUntil);
  }
  // Also under anchors of another CA than the one that signs now: it was on its way while the state changed.
  const short = by.under.filter((anchor) => (known.get(anchor) ?? 0) < until);
  if (short.length === 0) return rotation;
  const longer = merged(former, short, ahead);
  switch (rotation.phase) {
    case 'waiting':
      return { ...rotation, former: longer };
    case 'spreading':
      return { ...rotation, ...answering(rotation.signing, longer) };
    case 'steady':
    case 'draining':
      return { ...rotation, ...settled(rotation.signing, longer) };
  }
}

/** When to look again though nothing happens; undefined for never. */
export function wakesAt(rotation: Rotation, now: number): number | undefined {
  const times = formerOf(rotation).map(({ until }) => until);
  if (rotation.phase === 'waiting') times.push(rotation.since + longestWaitMs);
  if (rotation.phase === 'spreading') times.push(rotation.signing.notAfter);
  const ahead = times.filter((time) => time > now);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** The latest time at which anything that is published is needed by what was signed so far. */
export function neededUntil(rotation: Rotation): number {
  const signed = rotation.phase === 'waiting' ? 0 : rotation.signing.signedUntil;
  return Math.max(signed, ...formerOf(rotation).map(({ until }) => until));
}

function formerOf(rotation: Stage): readonly FormerAnchor[] {
  return rotation.phase === 'steady' ? [] : rotation.former;
}

/** Of lifetimes that are shorter than a minute, so that these do not cause a write each. */
const shortestLeadMs = 10_000;

function step(rotation: Rotation, trusted: ReadonlySet<string>, seen: Observation): Stage {
  const { present, now } = seen;
  if (!present) return rotation;
  const signing = rotation.phase === 'waiting' ? undefined : rotation.signing;
  if (signing?.id === present.id) return stayed(rotation, signing, present, now);
  const canSign = signing !== undefined && seen.oldKeyKnown && signing.notAfter > now;
  if (maySign(present, rotation, trusted, canSign, seen)) return switched(rotation, present, now);
  const former = formerOf(rotation);
  const next = authorityOf(present);
  if (canSign) return { phase: 'spreading', signing, next, former };
  return { phase: 'waiting', next, former: signing ? retired(former, signing, now) : former };
}

/** Whether everybody can verify what this CA signs, or must be able to by now. */
function maySign(
  { verifiedBy }: PresentAuthority,
  rotation: Rotation,
  trusted: ReadonlySet<string>,
  canSign: boolean,
  { gate, now }: Observation,
): boolean {
  if (gate === 'force' || gate === 'drop') return true;
  if (gate === 'hold' && canSign) return false;
  if (verifiedBy.some((anchor) => trusted.has(anchor))) return true;
  const known = published(rotation);
  const isPublished = verifiedBy.some((anchor) => known.includes(anchor));
  return rotation.phase === 'waiting' && isPublished && now >= rotation.since + longestWaitMs;
}

/** The CA that signs is the one in the Secret: still or again. */
function stayed(rotation: Rotation, signing: SigningAuthority, present: Authority, now: number): Stage {
  const former = retired(formerOf(rotation), signing, now);
  return settled({ ...authorityOf(present), signedUntil: signing.signedUntil }, former);
}

function switched(rotation: Rotation, present: Authority, now: number): Stage {
  const former =
    rotation.phase === 'waiting' ? rotation.former : retired(formerOf(rotation), rotation.signing, now);
  return settled({ ...authorityOf(present), signedUntil: 0 }, former);
}

function settled(signing: SigningAuthority, former: readonly FormerAnchor[]): Stage {
  const both = answering(signing, former);
  return both.former.length === 0
    ? { phase: 'steady', signing: both.signing }
    : { phase: 'draining', ...both };
}

/** A CA that comes back, or shares anchors with one before, answers for what was signed under them. */
function answering(
  signing: SigningAuthority,
  former: readonly FormerAnchor[],
): { readonly signing: SigningAuthority; readonly former: readonly FormerAnchor[] } {
  const isOwn = ({ anchor }: FormerAnchor): boolean => signing.under.includes(anchor);
  const own = former.filter(isOwn).map(({ until }) => until);
  const signedUntil = Math.max(signing.signedUntil, ...own);
  return { signing: { ...signing, signedUntil }, former: former.filter((one) => !isOwn(one)) };
}

/** What is kept of one. */
function authorityOf({ id, anchors, under, notAfter }: Authority): Authority {
  return { id, anchors, under, notAfter };
}

/** With the anchors of a CA that signs no more. */
function retired(
  former: readonly FormerAnchor[],
  signing: SigningAuthority,
  now: number,
): readonly FormerAnchor[] {
  // Not what else its Secret may have named: nobody needs that for what it signed.
  return signing.signedUntil > now ? merged(former, signing.under, signing.signedUntil) : former;
}

function merged(
  former: readonly FormerAnchor[],
  anchors: readonly string[],
  until: number,
): readonly FormerAnchor[] {
  const all = new Map(former.map((one) => [one.anchor, one.until]));
  for (const anchor of anchors) all.set(anchor, Math.max(all.get(anchor) ?? 0, until));
  return [...all].map(([anchor, latest]) => ({ anchor, until: latest }));
}

function withoutExpired(rotation: Rotation, now: number): Rotation {
  if (rotation.phase === 'steady') return rotation;
  const former = rotation.former.filter(({ until }) => until > now);
  if (former.length === rotation.former.length) return rotation;
  const { since, established } = rotation;
  return rotation.phase === 'draining'
    ? { ...settled(rotation.signing, former), since, established }
    : { ...rotation, former };
}

function dropped(stage: Stage, { gate }: Observation): Stage {
  return gate === 'drop' && stage.phase === 'draining' ? { phase: 'steady', signing: stage.signing } : stage;
}
