import type { Clock, KubeClient } from '../kube/index.ts';
import type { PolicyJudge } from '../policy/policy-request.ts';
import type { Logger } from '../runtime/log.ts';
import type { EventRecorder } from './events/event-recorder.ts';
import type { IssuerKey } from './issuers/issuer-key.ts';
import type { IssuerState } from './issuers/issuer-state.ts';
import type { ControllerMetrics } from './metrics.ts';
import type { ControllerValues } from './options.ts';
import type { IssuerAnchors } from './trust/issuer-anchors.ts';

/** What works for as long as this process leads, beside requests and issuers; made anew for each term. */
export interface TermPart {
  /** Whether its caches hold a first full view. */
  readonly synced: boolean;
  /** Works until the signal aborts; resolves when what was under way has ended. */
  run(signal: AbortSignal): Promise<void>;
}

/** What the parts of a term have in common. */
export interface TermContext {
  readonly values: ControllerValues;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly issuers: TermIssuers;
  readonly anchors: IssuerAnchors;
  readonly judge: PolicyJudge;
}

export interface TermIssuers {
  /** Undefined when there is no such issuer. */
  state(key: IssuerKey): IssuerState | undefined;
  /** Told of each issuer whose state may have changed: also of one that is gone. */
  subscribe(listener: (key: IssuerKey) => void): void;
}
