import { setCondition } from '../../api/condition.ts';
import type { IssuerStatus } from '../../api/issuer.ts';
import { isKubeError, WorkQueue } from '../../kube/index.ts';
import type { Clock } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import type { SyncMetrics } from '../metrics.ts';
import { conditionDiffers, readyCondition } from './issuer-condition.ts';
import type { ReadyCondition } from './issuer-condition.ts';
import { issuerKeyText, parseIssuerKey } from './issuer-key.ts';
import type { IssuerKey } from './issuer-key.ts';
import type { IssuerState } from './issuer-state.ts';
import type { AnyIssuer } from './issuer-states.ts';

export interface IssuerControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (key: IssuerKey) => AnyIssuer | undefined;
  readonly state: (key: IssuerKey) => IssuerState | undefined;
  /** One API write; throws KubeError. */
  readonly writeStatus: (key: IssuerKey, issuer: AnyIssuer, status: IssuerStatus) => Promise<void>;
  /** The issuer's state is known, perhaps anew: requests that wait for it may go on. */
  readonly onKnown: (issuer: string) => void;
  readonly events: EventRecorder;
  readonly metrics: SyncMetrics;
  readonly log: Logger;
}

/** Writes what issuers can do into their Ready conditions. */
export class IssuerController {
  readonly #queue: WorkQueue;
  readonly #deps: IssuerControllerDependencies;

  constructor(deps: IssuerControllerDependencies) {
    this.#deps = deps;
    this.#queue = new WorkQueue(
      { workers: 4, baseDelayMs: 200, maxDelayMs: 60_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (key) => this.#reconcile(key),
        onError: (issuer, error, retryInMs) => {
          deps.metrics.failed('issuers');
          deps.log.warn({ issuer, error, retryInMs }, 'failed, trying again');
        },
      },
    );
  }

  get depth(): number {
    return this.#queue.length;
  }

  /** The issuer or something that it depends on has changed. */
  touch(key: IssuerKey): void {
    this.#queue.add(issuerKeyText(key));
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(text: string): Promise<{ requeueAfterMs: number } | void> {
    this.#deps.metrics.synced('issuers');
    const key = parseIssuerKey(text);
    const issuer = this.#deps.find(key);
    const state = this.#deps.state(key);
    if (state?.state === 'loading') return;
    this.#deps.onKnown(text);
    if (!issuer || !state || issuer.metadata.deletionTimestamp !== undefined) return;

    const wanted = readyCondition(state, issuer.metadata.name ?? '');
    if (wanted && conditionDiffers(issuer, wanted)) await this.#write(key, issuer, wanted);
    const recheckAt = 'recheckAt' in state ? state.recheckAt : undefined;
    if (recheckAt === undefined) return;
    return { requeueAfterMs: Math.max(0, recheckAt - this.#deps.clock.now()) };
  }

  async #write(key: IssuerKey, issuer: AnyIssuer, wanted: ReadyCondition): Promise<void> {
    const { generation } = issuer.metadata;
    const condition = {
      type: 'Ready',
      ...wanted,
      ...(generation !== undefined && { observedGeneration: generation }),
    };
    const conditions = setCondition(issuer.status?.conditions, condition, this.#deps.clock.now());
    try {
      await this.#deps.writeStatus(key, issuer, { ...issuer.status, conditions });
    } catch (error) {
      // Gone, or changed since: the change itself brings the issuer back.
      if (isKubeError(error, 'conflict', 'not-found')) return;
      throw error;
    }
    const fields = { issuer: issuerKeyText(key), reason: wanted.reason };
    this.#deps.log.info(fields, wanted.status === 'True' ? 'ready' : 'not ready');
    if (wanted.status !== 'True') {
      this.#deps.events.record(issuer, key.kind, 'Warning', wanted.reason ?? '', wanted.message ?? '');
    }
  }
}
