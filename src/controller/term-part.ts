import type { Clock, Gate, KubeClient } from '../kube/index.ts';
import type { PolicyJudge } from '../policy/policy-request.ts';
import type { Logger } from '../runtime/log.ts';
import type { FactSources } from './approval/facts/facts.ts';
import type { EventRecorder } from './events/event-recorder.ts';
import type { AwaitedSecrets } from './issuers/awaited-secrets.ts';
import type { IssuerKey } from './issuers/issuer-key.ts';
import type { IssuerState } from './issuers/issuer-state.ts';
import type { ControllerMetrics } from './metrics.ts';
import type { ControllerValues } from './options.ts';
import type { AnchorSets } from './trust/anchor-sets/anchor-sets.ts';
import type { BundleMetrics } from './trust/bundles/bundle-metrics.ts';
import type { IssuerAnchors } from './trust/issuer-anchors.ts';
import type { OtherConsumers } from './trust/rotation/other-consumers.ts';

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
  /** For lists of single objects that somebody names. */
  readonly lists: Gate;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly bundleMetrics: BundleMetrics;
  readonly issuers: TermIssuers;
  /** For the Secrets that single requests of a kind wait for. */
  readonly awaitSecrets: (kind: string, onChange: (request: string) => void) => AwaitedSecrets;
  readonly anchors: IssuerAnchors;
  readonly anchorSets: AnchorSets;
  /** To be told by what hands issuers' anchors to readers other than volumes. */
  readonly otherConsumers: OtherConsumers;
  readonly judge: PolicyJudge;
  /** What the cluster says of pods, nodes and services, for whoever has to prove which pod a certificate is for. */
  readonly facts: FactSources;
  /** Told when the judge may say something else than it did, in one namespace or in all: what it left is worth another look. */
  readonly onPolicies: (listener: (namespace?: string) => void) => void;
}

export interface TermIssuers {
  /** Undefined when there is no such issuer. */
  state(key: IssuerKey): IssuerState | undefined;
  /** Told of each issuer whose state or anchors may have changed: also of one that is gone. */
  subscribe(listener: (key: IssuerKey) => void): void;
}
