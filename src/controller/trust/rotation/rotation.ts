/** A signing CA without its key. Certificates are named by their fingerprints; times are milliseconds since the epoch. */
export interface Authority {
  /** Fingerprint of the signing certificate. */
  readonly id: string;
  /** What its issuer's Secret says is to be trusted. */
  readonly anchors: readonly string[];
  /** Of these, and of all that are published, those that verify what it signs. */
  readonly under: readonly string[];
  readonly notAfter: number;
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

interface Published {
  /** When the published anchors last grew. */
  readonly since: number;
}

/** Where an issuer stands on its way from one CA to another. */
export type Rotation =
  /** One CA signs and is trusted. */
  | (Published & { readonly phase: 'steady'; readonly signing: SigningAuthority })
  /** The old CA signs while the anchors of the next one are on their way to the nodes. */
  | (Published & {
      readonly phase: 'spreading';
      readonly signing: SigningAuthority;
      readonly next: Authority;
      readonly former: readonly FormerAnchor[];
    })
  /** As spreading, but the old key is gone: nothing is signed for a while. */
  | (Published & {
      readonly phase: 'waiting';
      readonly next: Authority;
      readonly former: readonly FormerAnchor[];
    })
  /** The new CA signs; anchors of old ones are trusted until the last of their certificates has expired. */
  | (Published & {
      readonly phase: 'draining';
      readonly signing: SigningAuthority;
      readonly former: readonly FormerAnchor[];
    });

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
  readonly present: Authority | undefined;
  /** Whether the key of the CA that signs is at hand though the Secret holds another. */
  readonly oldKeyKnown: boolean;
  readonly gate: RotationGate | undefined;
  /** Every node with a volume of this issuer has the anchors that are published. */
  readonly covered: boolean;
  /** How long anchors must have been published, besides, before a CA signs under them. */
  readonly settleMs: number;
}

/** Requests wait for no longer when there is no old key to sign with. */
export const longestWaitMs = 60_000;

/** The only way from one state to the next. Pure: to publish and to keep it is the caller's, before it acts on it. */
export function advance(rotation: Rotation | undefined, seen: Observation): Rotation | undefined {
  if (!rotation) return seen.present && steady({ ...seen.present, signedUntil: 0 }, seen.now);
  const next = dropped(step(withoutExpired(untilNow(rotation, seen.now), seen.now), seen), seen);
  const before = new Set(published(rotation));
  const grew = published(next).some((anchor) => !before.has(anchor));
  return grew ? { ...next, since: seen.now } : next;
}

/** Every anchor that verifiers are to trust, each once, in an order that the phases do not change. */
export function published(rotation: Rotation): readonly string[] {
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
  if (rotation.phase !== 'waiting' && rotation.signing.id === by.id) {
    if (rotation.signing.signedUntil >= until) return rotation;
    return { ...rotation, signing: { ...rotation.signing, signedUntil: ahead } };
  }
  // It was on its way while the state changed.
  const kept = new Map(formerOf(rotation).map(({ anchor, until: known }) => [anchor, known]));
  const present = new Set(rotation.phase === 'waiting' ? [] : rotation.signing.anchors);
  const short = neededBy(by).filter((one) => !present.has(one) && (kept.get(one) ?? 0) < until);
  if (short.length === 0) return rotation;
  const former = merged(formerOf(rotation), short, ahead);
  return rotation.phase === 'steady' ? { ...rotation, phase: 'draining', former } : { ...rotation, former };
}

/** When to look again though nothing happens; undefined for never. */
export function wakesAt(rotation: Rotation, settleMs: number, now: number): number | undefined {
  const times = formerOf(rotation).map(({ until }) => until);
  if ('next' in rotation) times.push(rotation.since + settleMs);
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

export function formerOf(rotation: Rotation): readonly FormerAnchor[] {
  return rotation.phase === 'steady' ? [] : rotation.former;
}

/** Of lifetimes that are shorter than a minute, so that these do not cause a write each. */
const shortestLeadMs = 10_000;

function step(rotation: Rotation, seen: Observation): Rotation {
  const { present, now } = seen;
  if (!present) return rotation;
  const { since } = rotation;
  const signing = rotation.phase === 'waiting' ? undefined : rotation.signing;
  if (signing?.id === present.id) return stayed(rotation, signing, present, now);
  const canSign = signing !== undefined && seen.oldKeyKnown && signing.notAfter > now;
  if (maySign(present, rotation, canSign, seen)) return switched(rotation, present, now);
  const former = formerOf(rotation);
  if (canSign) return { phase: 'spreading', signing, next: present, former, since };
  return { phase: 'waiting', next: present, former: signing ? retired(former, signing, now) : former, since };
}

/** Whether everybody can verify what this CA signs, or must be able to by now. */
function maySign(present: Authority, rotation: Rotation, canSign: boolean, seen: Observation): boolean {
  const { gate, covered, now, settleMs } = seen;
  if (gate === 'force' || gate === 'drop') return true;
  // What old certificates verify under has been everywhere for long, unless somebody forced it.
  const established = new Set(formerOf(rotation).map(({ anchor }) => anchor));
  if (rotation.phase !== 'waiting') for (const anchor of rotation.signing.under) established.add(anchor);
  if (present.under.some((anchor) => established.has(anchor))) return true;

  const spread = new Set(published(rotation));
  if (!present.under.some((anchor) => spread.has(anchor))) return false;
  if (!canSign && now >= rotation.since + longestWaitMs) return true;
  if (canSign && gate === 'hold') return false;
  return covered && now >= rotation.since + settleMs;
}

/** The CA that signs is the one in the Secret: for the first time, still or again. */
function stayed(rotation: Rotation, signing: SigningAuthority, present: Authority, now: number): Rotation {
  const former = retired(formerOf(rotation), signing, now);
  return settled({ ...present, signedUntil: signing.signedUntil }, former, rotation.since);
}

function switched(rotation: Rotation, present: Authority, now: number): Rotation {
  const former =
    rotation.phase === 'waiting' ? rotation.former : retired(formerOf(rotation), rotation.signing, now);
  // A CA that comes back, or shares anchors with the one before, answers for what they signed.
  const own = former.filter(({ anchor }) => present.anchors.includes(anchor)).map(({ until }) => until);
  return settled({ ...present, signedUntil: Math.max(0, ...own) }, former, rotation.since);
}

function settled(signing: SigningAuthority, former: readonly FormerAnchor[], since: number): Rotation {
  const others = former.filter(({ anchor }) => !signing.anchors.includes(anchor));
  return others.length === 0 ? steady(signing, since) : { phase: 'draining', signing, former: others, since };
}

function steady(signing: SigningAuthority, since: number): Rotation {
  return { phase: 'steady', signing, since };
}

/** With the anchors of a CA that signs no more. */
function retired(
  former: readonly FormerAnchor[],
  signing: SigningAuthority,
  now: number,
): readonly FormerAnchor[] {
  return signing.signedUntil > now ? merged(former, neededBy(signing), signing.signedUntil) : former;
}

/** Not what else its Secret may have named: nobody needs that for what it signed. */
function neededBy(authority: Authority): readonly string[] {
  return authority.anchors.filter((anchor) => authority.under.includes(anchor));
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

/** Clocks are set back, and another leader's may be ahead: nothing waits until this one is there. */
function untilNow(rotation: Rotation, now: number): Rotation {
  return rotation.since > now ? { ...rotation, since: now } : rotation;
}

function withoutExpired(rotation: Rotation, now: number): Rotation {
  if (rotation.phase === 'steady') return rotation;
  const former = rotation.former.filter(({ until }) => until > now);
  if (former.length === rotation.former.length) return rotation;
  return rotation.phase === 'draining'
    ? settled(rotation.signing, former, rotation.since)
    : { ...rotation, former };
}

function dropped(rotation: Rotation, { gate }: Observation): Rotation {
  if (gate !== 'drop' || rotation.phase !== 'draining') return rotation;
  return steady(rotation.signing, rotation.since);
}
