import { anchorSetName } from '../../../api/anchor-set.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { Coverage, SetState } from '../coverage/node-coverage.ts';
import type { PublishedAnchors } from './issuer-rotation.ts';
import type { OtherConsumers } from './other-consumers.ts';

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
  /** Since when all who hand on an issuer's anchors have these, as far as this process has seen. */
  readonly #handedOn = new Map<string, { readonly hash: string; readonly since: number }>();

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
    const isSilent = others.some((one) => one.isSilent);
    const waitMs = isSilent ? Math.max(this.#options.settleMs, reportDelayMs) : reportDelayMs;
    const settledAt = this.#handedOnSince(issuer, hash, lacking.length === 0) + waitMs;
    const isCovered = coverage !== undefined && coverage.covered === coverage.nodes;
    const isComplete = isCovered && lacking.length === 0 && now() >= settledAt;
    return { coverage, lacking, settledAt, isComplete };
  }

  forget(issuer: IssuerKey): void {
    this.#handedOn.delete(issuerKeyText(issuer));
  }

  #handedOnSince(issuer: IssuerKey, hash: string, isHandedOn: boolean): number {
    const text = issuerKeyText(issuer);
    const now = this.#deps.now();
    const known = this.#handedOn.get(text);
    // Clocks are set back, and the time starts anew from there.
    const since = known?.hash === hash ? Math.min(known.since, now) : now;
    if (isHandedOn) this.#handedOn.set(text, { hash, since });
    else this.#handedOn.delete(text);
    return isHandedOn ? since : now;
  }
}
