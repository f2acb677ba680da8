import { setCondition } from '../../api/condition.ts';
import type { IssuerStatus } from '../../api/issuer.ts';
import { isOutdated, WorkQueue } from '../../kube/index.ts';
import type { Clock } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import type { SyncMetrics } from '../metrics.ts';
import { conditionDiffers, readyCondition } from './issuer-condition.ts';
import type { IssuerConditionType, IssuerFinding } from './issuer-condition.ts';
import { issuerKeyText, parseIssuerKey } from './issuer-key.ts';
import type { IssuerKey } from './issuer-key.ts';
import type { IssuerState } from './issuer-state.ts';
import type { AnyIssuer } from './issuer-states.ts';

export interface IssuerControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (key: IssuerKey) => AnyIssuer | undefined;
  readonly state: (key: IssuerKey) => IssuerState | undefined;
  /** What is to be said of a change of its CA; undefined when that is not known. */
  readonly rotation: (key: IssuerKey) => IssuerFinding | undefined;
  /** One API write; throws KubeError. */
  readonly writeStatus: (key: IssuerKey, issuer: AnyIssuer, status: IssuerStatus) => Promise<void>;
  /** The issuer's state is known, perhaps anew: requests that wait for it may go on. */
  readonly onKnown: (issuer: string) => void;
  readonly events: EventRecorder;
  readonly metrics: SyncMetrics;
  readonly log: Logger;
}

/** Writes into issuers' conditions what they can do, and where a change of their CA stands. */
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
    if (!issuer) this.#queue.forget(text);
    if (state?.state === 'loading') return;
    this.#deps.onKnown(text);
    if (!issuer || !state || issuer.metadata.deletionTimestamp !== undefined) return;

    const ready = readyCondition(state, issuer.metadata.name ?? '');
    const rotation = this.#deps.rotation(key);
    const findings: Finding[] = [
      ...(ready ? [['Ready', ready] as const] : []),
      ...(rotation ? [['CARotation', rotation] as const] : []),
    ];
    const news = findings.filter(([type, finding]) => conditionDiffers(issuer, type, finding));
    if (news.length > 0) await this.#write(key, issuer, news);
    const recheckAt = 'recheckAt' in state ? state.recheckAt : undefined;
    if (recheckAt === undefined) return;
    return { requeueAfterMs: Math.max(0, recheckAt - this.#deps.clock.now()) };
  }

  async #write(key: IssuerKey, issuer: AnyIssuer, news: readonly Finding[]): Promise<void> {
    const { generation } = issuer.metadata;
    let conditions = issuer.status?.conditions;
    for (const [type, { status, reason, message }] of news) {
      const observed = generation === undefined ? {} : { observedGeneration: generation };
      conditions = setCondition(
        conditions,
        { type, status, reason, message, ...observed },
        this.#deps.clock.now(),
      );
    }
    try {
      await this.#deps.writeStatus(key, issuer, { ...issuer.status, ...(conditions && { conditions }) });
    } catch (error) {
      // Gone, or changed since: the change itself brings the issuer back.
      if (isOutdated(error)) return;
      throw error;
    }
    const ready = news.find(([type]) => type === 'Ready')?.[1];
    if (ready) this.#tell(key, issuer, ready);
  }

  #tell(key: IssuerKey, issuer: AnyIssuer, { status, reason, message }: IssuerFinding): void {
    const fields = { issuer: issuerKeyText(key), reason };
    this.#deps.log.info(fields, status === 'True' ? 'ready' : 'not ready');
    if (status !== 'True') this.#deps.events.record(issuer, key.kind, 'Warning', reason, message);
  }
}

type Finding = readonly [IssuerConditionType, IssuerFinding];
