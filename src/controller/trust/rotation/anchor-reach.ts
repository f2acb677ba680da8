import { anchorSetName } from '../../../api/anchor-set.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { Coverage, SetState } from '../coverage/node-coverage.ts';
import type { PublishedAnchors } from './issuer-rotation.ts';
import { consumersText } from './other-consumers.ts';
import type { AnchorConsumer, OtherConsumers } from './other-consumers.ts';

/** How far what an issuer publishes has come. */
export interface Reach {
  /** Of the nodes with volumes that have it from the issuer or from a Bundle; undefined while that is not known. */
  readonly coverage: Coverage | undefined;
  /** Why others who hand it on have not done so yet, for people. */
  readonly lacking: readonly string[];
  /** When those who report nothing will have had it for long enough, in milliseconds since the epoch. */
  readonly settledAt: number;
  /** Everybody has had it for long enough. */
  readonly isComplete: boolean;
}

export interface AnchorReachOptions {
  /** How long anchors are handed on before a CA signs under them, where others read them than volumes. */
  readonly settleMs: number;
}

export interface AnchorReachDependencies {
  readonly now: () => number;
  /** Undefined while it is not known what the nodes have. */
  readonly coverage: (sets: readonly SetState[]) => Coverage | undefined;
  readonly consumers: Pick<OtherConsumers, 'of'>;
}

/**
 * Time for a volume that was just being published to show in its node's report, and for a leader that has just begun to
 * learn who else reads the anchors.
 */
const reportDelayMs = 10_000;

/** Finds out who has the anchors of issuers. */
export class AnchorReach {
  readonly #options: AnchorReachOptions;
  readonly #deps: AnchorReachDependencies;
  readonly #handedOn = new Map<string, HandedOn>();

  constructor(options: AnchorReachOptions, deps: AnchorReachDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  of(issuer: IssuerKey, { certificates, hash }: PublishedAnchors): Reach {
    const { consumers, coverage: count, now } = this.#deps;
    const others = consumers.of(issuer);
    const lacking: string[] = [];
    const sets: SetState[] = [{ name: anchorSetName(issuer), hash }];
    for (const consumer of others) {
      const lack = consumer.lacks(certificates);
      if (lack !== undefined) lacking.push(lack);
      const { set } = consumer;
      if (set) sets.push({ name: set.name, hash: lack === undefined ? set.hash() : undefined });
    }
    const coverage = count(sets);
    const handedOn = this.#handedOnNow(issuer, hash, others, lacking.length === 0);
    const waitMs = handedOn.isSilent ? Math.max(this.#options.settleMs, reportDelayMs) : reportDelayMs;
    const settledAt = handedOn.since + waitMs;
    const isCovered = coverage !== undefined && coverage.covered === coverage.nodes;
    const isComplete = isCovered && lacking.length === 0 && now() >= settledAt;
    return { coverage, lacking, settledAt, isComplete };
  }

  forget(issuer: IssuerKey): void {
    this.#handedOn.delete(issuerKeyText(issuer));
  }

  #handedOnNow(
    issuer: IssuerKey,
    hash: string,
    others: readonly AnchorConsumer[],
    isHandedOn: boolean,
  ): HandedOn {
    const text = issuerKeyText(issuer);
    const now = this.#deps.now();
    const known = this.#handedOn.get(text);
    const before = known?.hash === hash ? known : undefined;
    const consumers = consumersText(others);
    // Clocks are set back, and the time starts anew from there.
    const isSame = isHandedOn && before?.isHandedOn === true && before.consumers === consumers;
    const handedOn: HandedOn = {
      hash,
      consumers,
      isHandedOn,
      since: isSame ? Math.min(before.since, now) : now,
      isSilent: (before?.isHandedOn === true && before.isSilent) || others.some((one) => one.isSilent),
    };
    this.#handedOn.set(text, handedOn);
    return handedOn;
  }
}

/** What this process has seen of how an issuer's anchors are handed on. */
interface HandedOn {
  readonly hash: string;
  /** By whom: one that goes may come again at once, and its readers are the same. */
  readonly consumers: string;
  /** All of them do. */
  readonly isHandedOn: boolean;
  /** Since when they do, and are these; milliseconds since the epoch. */
  readonly since: number;
  /** One of them, or of those before, has readers who report nothing. */
  readonly isSilent: boolean;
}
