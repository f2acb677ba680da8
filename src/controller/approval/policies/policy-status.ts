import type {
  CertificateRequestPolicy,
  CertificateRequestPolicyStatus,
} from '../../../api/certificate-request-policy.ts';
import { setCondition } from '../../../api/condition.ts';
import { isKubeError, isOutdated, WorkQueue } from '../../../kube/index.ts';
import type { Clock, Requeue } from '../../../kube/index.ts';
import { defaultPolicy, defaultPolicyName } from '../../../policy/index.ts';
import type { KnownPolicy } from '../../../policy/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { EventRecorder } from '../../events/event-recorder.ts';
import { readyCondition, saysSo } from './policy-condition.ts';

export interface FoundPolicy {
  readonly object: CertificateRequestPolicy;
  readonly known: KnownPolicy;
}

export interface PolicyStatusOptions {
  /** Whether the default policy is made when there is none. */
  readonly keepDefault: boolean;
}

export interface PolicyStatusDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (name: string) => FoundPolicy | undefined;
  /** One API write; throws KubeError. */
  readonly writeStatus: (
    policy: CertificateRequestPolicy,
    status: CertificateRequestPolicyStatus,
  ) => Promise<void>;
  /** One API write; false where the cluster has no such kind. Throws KubeError. */
  readonly create: (policy: CertificateRequestPolicy) => Promise<boolean>;
  readonly events: EventRecorder;
  readonly log: Logger;
}

/** For a kind that the cluster may get later. */
const createAgainMs = 15_000;
/** Of one generation of a policy. Another controller that writes conditions too would change each back, without end. */
const mostWrites = 3;

interface Writes {
  /** Of which policy and generation. */
  readonly of: string;
  readonly count: number;
}

/** Writes whether a policy can be used into its Ready condition, and sees that there is a default one. */
export class PolicyStatus {
  readonly #queue: WorkQueue;
  readonly #options: PolicyStatusOptions;
  readonly #deps: PolicyStatusDependencies;
  readonly #writes = new Map<string, Writes>();

  constructor(options: PolicyStatusOptions, deps: PolicyStatusDependencies) {
    this.#options = options;
    this.#deps = deps;
    const { clock, log, random } = deps;
    this.#queue = new WorkQueue(
      { workers: 2, baseDelayMs: 200, maxDelayMs: 60_000 },
      {
        clock,
        random,
        reconcile: (name) => this.#reconcile(name),
        onError: (policy, error, retryInMs) => log.warn({ policy, error, retryInMs }, 'failed, trying again'),
      },
    );
  }

  touch(name: string): void {
    this.#queue.add(name);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(name: string): Promise<Requeue | void> {
    const found = this.#deps.find(name);
    if (!found) {
      this.#writes.delete(name);
      return this.#makeUp(name);
    }
    if (found.object.metadata.deletionTimestamp === undefined) await this.#tell(found);
  }

  /** A policy and its definition cannot be applied in one go, so the default one does not depend on it. */
  async #makeUp(name: string): Promise<Requeue | void> {
    if (name !== defaultPolicyName || !this.#options.keepDefault) return;
    try {
      if (!(await this.#deps.create(defaultPolicy))) return { requeueAfterMs: createAgainMs };
      this.#deps.log.info({ policy: name }, 'made the default policy');
    } catch (error) {
      if (!isKubeError(error, 'already-exists')) throw error;
    }
  }

  async #tell({ known, object }: FoundPolicy): Promise<void> {
    const { clock, events, log, writeStatus } = this.#deps;
    const { name } = known;
    const wanted = readyCondition(known);
    if (saysSo(object, wanted)) return;
    const { generation, uid = '' } = object.metadata;
    const of = `${uid} ${generation ?? ''}`;
    const written = this.#written(name, of);
    if (written >= mostWrites) return;

    const update = {
      type: 'Ready',
      ...wanted,
      ...(generation !== undefined && { observedGeneration: generation }),
    };
    try {
      const conditions = setCondition(object.status?.conditions, update, clock.now());
      await writeStatus(object, { ...object.status, conditions });
    } catch (error) {
      // Gone, or changed since: the change itself brings the policy back.
      if (isOutdated(error)) return;
      throw error;
    }
    this.#writes.set(name, { of, count: written + 1 });
    if (written + 1 === mostWrites) {
      log.warn({ policy: name }, 'another controller writes the Ready condition too: it is left to that one');
    }
    if (wanted.status === 'True') {
      log.info({ policy: name }, 'ready');
      return;
    }
    log.warn({ policy: name, cause: wanted.message }, 'not ready');
    events.record(object, 'CertificateRequestPolicy', 'Warning', wanted.reason, wanted.message);
  }

  #written(name: string, of: string): number {
    const written = this.#writes.get(name);
    return written?.of === of ? written.count : 0;
  }
}
