import type { AnchorSetSpec } from '../../../api/anchor-set.ts';
import { formatTime } from '../../../api/time.ts';
import { WorkQueue } from '../../../kube/index.ts';
import type { Clock } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { EventRecorder } from '../../events/event-recorder.ts';
import { issuerKeyText, parseIssuerKey } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { AnyIssuer } from '../../issuers/issuer-states.ts';
import type { AnchorSetWriter, WantedAnchors } from '../anchor-sets/anchor-set-writer.ts';
import { leftoverGraceMs } from '../anchor-sets/leftovers.ts';
import { mostOfIssuer, setSize } from '../anchor-sets/room.ts';
import { AnchorReach } from './anchor-reach.ts';
import type { AnchorReachDependencies, AnchorReachOptions, Reach } from './anchor-reach.ts';
import type { IssuerRotation } from './issuer-rotation.ts';
import type { IssuerRotations } from './issuer-rotations.ts';
import type { OldPairKeeper } from './old-pair-keeper.ts';
import type { KeptPair } from './previous-pairs.ts';
import { rotationWishes } from './rotation-annotations.ts';
import type { RotationWishes } from './rotation-annotations.ts';
import { rotationRecord, rotationRecordAnnotation } from './rotation-record.ts';
import type { RotationReport } from './rotation-report.ts';
import { RotationTeller } from './rotation-teller.ts';
import { advance, publishesMore, wakesAt } from './rotation.ts';
import type { Observation, Rotation } from './rotation.ts';

export interface RotationControllerOptions extends AnchorReachOptions {
  readonly trustDomain: string;
}

export interface RotationControllerDependencies extends Omit<AnchorReachDependencies, 'now'> {
  readonly clock: Clock;
  readonly random: () => number;
  readonly rotations: IssuerRotations;
  readonly oldPairs: Pick<OldPairKeeper, 'keep' | 'release'>;
  readonly writer: Pick<AnchorSetWriter, 'get' | 'write'>;
  /** How large the issuer's AnchorSet may be, see {@link setSize}. */
  readonly room: (key: IssuerKey) => number;
  readonly find: (key: IssuerKey) => AnyIssuer | undefined;
  /** The pair in the issuer's Secret, when it can sign now. */
  readonly present: (key: IssuerKey) => KeptPair | undefined;
  /** What the issuer signs with, publishes or says of its rotation is another. */
  readonly onChange: (key: IssuerKey) => void;
  /** Nothing is known of the issuer's CAs any more. */
  readonly onForget: (key: IssuerKey) => void;
  readonly events: EventRecorder;
  readonly log: Logger;
}

/** Takes each CA issuer from one CA to the next: what is published and kept first, then what signs. */
export class RotationController {
  readonly #options: RotationControllerOptions;
  readonly #deps: RotationControllerDependencies;
  readonly #queue: WorkQueue;
  readonly #reach: AnchorReach;
  readonly #teller: RotationTeller;
  /** Since when issuers that had a rotation are gone, in milliseconds since the epoch. */
  readonly #goneSince = new Map<string, number>();

  constructor(options: RotationControllerOptions, deps: RotationControllerDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#reach = new AnchorReach(options, { ...deps, now: () => deps.clock.now() });
    this.#teller = new RotationTeller({
      ...deps,
      onReport: (key, { message }) => {
        deps.rotations.get(key)?.say(message);
        deps.onChange(key);
      },
    });
    this.#queue = new WorkQueue(
      { workers: 4, baseDelayMs: 200, maxDelayMs: 30_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (text) => this.#reconcile(parseIssuerKey(text)),
        onError: (issuer, error, retryInMs) =>
          deps.log.warn({ issuer, error, retryInMs }, 'CA rotation failed, trying again'),
      },
    );
  }

  /** Something that the issuer's rotation depends on has changed. */
  touch(key: IssuerKey): void {
    this.#queue.add(issuerKeyText(key));
  }

  /** The same, a little later: for what comes in numbers. */
  touchSoon(key: IssuerKey): void {
    this.#queue.addAfter(issuerKeyText(key), soonMs);
  }

  /** What the issuer's condition should say; undefined when there is nothing to tell. */
  report(key: IssuerKey): RotationReport | undefined {
    return this.#teller.report(key);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(key: IssuerKey): Promise<{ requeueAfterMs: number } | undefined> {
    const { rotations, find, clock } = this.#deps;
    const issuer = find(key);
    if (!issuer) return this.#outlive(key);
    this.#goneSince.delete(issuerKeyText(key));
    if (!issuer.spec.ca) {
      await this.#forget(key, issuer);
      return undefined;
    }
    const inSecret = this.#deps.present(key);
    // Also a first look: it begins the rotation of an issuer that is new.
    if (inSecret) rotations.choose(key, inSecret);
    const rotation = rotations.get(key);
    if (!rotation) return undefined;

    rotations.takeUp(key);
    const wishes = rotationWishes(issuer);
    const before = rotation.published;
    const step = this.#step(key, rotation, {
      now: clock.now(),
      present: inSecret && rotation.authorityOf(inSecret.pair),
      oldKeyKnown: rotation.signing !== undefined,
      gate: wishes.gate,
      spread: this.#reach.of(key, before).isComplete,
    });
    const isKept = await this.#keep(key, issuer, rotation, { ...step, inSecret, wishes });

    const { from, next, refusal } = step;
    const reach = this.#reach.of(key, rotation.published);
    const problems = isKept ? wishes.problems : [...wishes.problems, noSet];
    const world = { now: clock.now(), reach, gate: wishes.gate, refusal, problems };
    const same = next.phase === from.phase && signingOf(next) === signingOf(from);
    if (!same) this.#teller.moved(key, issuer, next, world);
    const toldAgainAt = this.#teller.tell(key, issuer, rotation.rotation, world);
    if (!same || rotation.published.hash !== before.hash) this.#deps.onChange(key);
    // Last, because nothing else depends on it: what fails here is tried again.
    if (inSecret && !signsWithOld(next, inSecret)) await this.#deps.oldPairs.release(key, issuer);
    return this.#nextLook(rotation.rotation, reach, toldAgainAt);
  }

  /** What comes next; with a CA that there is no room for, as if there were none in the Secret. */
  #step(key: IssuerKey, rotation: IssuerRotation, seen: Observation): Step {
    const from = rotation.begin();
    const next = advance(from, seen);
    if (!publishesMore(from, next)) return { from, next, refusal: undefined };
    const size = sizeOf(rotation, next);
    // Without a set nothing of it reaches the nodes.
    const most = this.#deps.writer.get(key) ? this.#deps.room(key) : mostOfIssuer;
    if (size <= most) return { from, next, refusal: undefined };
    const refusal = `its AnchorSet would have ${size} characters, and ${most} are allowed`;
    return { from, next: advance(from, { ...seen, present: undefined }), refusal };
  }

  /**
   * Everything is written before it is acted on, so that a controller that ends here leaves nothing undone.
   *
   * @returns false when there is no room for an AnchorSet
   */
  async #keep(
    key: IssuerKey,
    issuer: AnyIssuer,
    rotation: IssuerRotation,
    { inSecret, from, next, wishes }: Step & { inSecret: KeptPair | undefined; wishes: RotationWishes },
  ): Promise<boolean> {
    const { oldPairs, room, writer } = this.#deps;
    const { signing } = rotation;
    if (inSecret && signing && signsWithOld(next, inSecret)) await oldPairs.keep(key, issuer, signing);
    const record = rotationRecord(next);
    const { reissueBefore, reissueSeconds } = this.#reissue(key, from, next, wishes);
    const wanted: WantedAnchors = {
      anchors: rotation.anchorsOf(next).pem,
      trustDomain: this.#options.trustDomain,
      ...(reissueBefore !== undefined && { reissueBefore }),
      ...(reissueSeconds !== undefined && { reissueSeconds }),
      annotations: { [rotationRecordAnnotation]: record },
    };
    const hasRoom = writer.get(key) !== undefined || sizeOf(rotation, next) <= room(key);
    if (hasRoom) await writer.write(key, wanted, { onConflict: 'throw' });
    rotation.commit(next, record);
    return hasRoom;
  }

  #reissue(
    key: IssuerKey,
    from: Rotation,
    next: Rotation,
    { reissueMs }: RotationWishes,
  ): Pick<AnchorSetSpec, 'reissueBefore' | 'reissueSeconds'> {
    const signing = signingOf(next);
    if (reissueMs === undefined || signing === undefined || signing === signingOf(from)) {
      return this.#deps.writer.get(key)?.spec ?? {};
    }
    return {
      // Whole seconds: what the new CA signs within this one is renewed once more than needed.
      reissueBefore: formatTime(this.#deps.clock.now() + 999),
      reissueSeconds: Math.ceil(reissueMs / 1000),
    };
  }

  #nextLook(
    rotation: Rotation,
    { settledAt }: Reach,
    toldAgainAt: number | undefined,
  ): { requeueAfterMs: number } | undefined {
    const now = this.#deps.clock.now();
    const times = [wakesAt(rotation, now), settledAt, toldAgainAt];
    const ahead = times.filter((time) => time !== undefined).filter((time) => time > now);
    return ahead.length === 0 ? undefined : { requeueAfterMs: Math.min(...ahead) - now };
  }

  /** Of an issuer that is deleted and made again nothing is lost: with its set stays what is needed to go on. */
  async #outlive(key: IssuerKey): Promise<{ requeueAfterMs: number } | undefined> {
    const text = issuerKeyText(key);
    const now = this.#deps.clock.now();
    const since = Math.min(this.#goneSince.get(text) ?? now, now);
    const leftMs = since + leftoverGraceMs - now;
    if (leftMs <= 0 || !this.#deps.rotations.get(key)) {
      await this.#forget(key, undefined);
      return undefined;
    }
    this.#goneSince.set(text, since);
    this.#teller.forget(key);
    return { requeueAfterMs: leftMs };
  }

  /** It is gone, or signs with no CA of its own any more. */
  async #forget(key: IssuerKey, issuer: AnyIssuer | undefined): Promise<void> {
    this.#deps.rotations.forget(key);
    this.#deps.onForget(key);
    this.#goneSince.delete(issuerKeyText(key));
    this.#teller.forget(key);
    this.#reach.forget(key);
    await this.#deps.oldPairs.release(key, issuer);
    this.#queue.forget(issuerKeyText(key));
  }
}

/** Of the state before. */
interface Step {
  readonly from: Rotation;
  readonly next: Rotation;
  /** Why what the Secret says is not followed. */
  readonly refusal: string | undefined;
}

const soonMs = 250;

const noSet = 'there is no room for its AnchorSet, so that no node is known to trust it';

function sizeOf(rotation: IssuerRotation, next: Rotation): number {
  const annotations = { [rotationRecordAnnotation]: rotationRecord(next) };
  return setSize(rotation.anchorsOf(next).pem, { annotations });
}

/** Whether what signs is not what the Secret has. */
function signsWithOld(rotation: Rotation, { pair }: KeptPair): boolean {
  const signing = signingOf(rotation);
  return signing !== undefined && signing !== pair.id;
}

function signingOf(rotation: Rotation): string | undefined {
  return rotation.phase === 'waiting' ? undefined : rotation.signing.id;
}
