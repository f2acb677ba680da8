import { requestLabels } from '../../api/driver-requests.ts';
import type { Clock, KubeClient } from '../../kube/index.ts';
import { Policies } from '../../policy/index.ts';
import type { PolicyDecision, PolicyRequest } from '../../policy/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import type { ControllerValues } from '../options.ts';
import type { TermPart } from '../term-part.ts';
import { ApproveByPolicy } from './approve-by-policy.ts';
import { approveOthers, leaveOthers } from './approve-others.ts';
import type { Approver } from './approver.ts';
import type { ApprovalMetrics } from './approval-metrics.ts';
import { ClusterFacts } from './facts/cluster-facts.ts';
import { AccessReviews } from './policies/access-reviews.ts';
import { ClusterPolicies } from './policies/cluster-policies.ts';
import { UseGrants } from './policies/use-grants.ts';

export interface ApprovalDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: EventRecorder;
  readonly metrics: ApprovalMetrics;
  readonly log: Logger;
  readonly onWatchError: (resource: string, error: unknown) => void;
}

/** A right that is taken away is used for no longer than this. */
const accessKeptMs = 30_000;
const accessesKept = 4096;

/** Everything about who may have what, for as long as this process leads. */
export class Approval implements TermPart {
  readonly facts: ClusterFacts;
  readonly approver: Approver;
  readonly #policies: ClusterPolicies;
  readonly #grants: UseGrants;
  readonly #judge: Policies;
  readonly #listeners: ((namespace?: string) => void)[] = [];
  /** What has changed in this moment: all, or what these namespaces may have. */
  #changes: 'all' | Set<string> | undefined;

  constructor(values: ControllerValues, deps: ApprovalDependencies) {
    const { metrics, onWatchError: onError } = deps;
    const surroundings = { trustDomain: values.trustDomain, clusterDomain: values.clusterDomain };
    this.facts = new ClusterFacts({ ...deps, onError, onRelabelled: this.#changed });
    this.#policies = new ClusterPolicies(
      { keepDefault: values.defaultPolicy },
      { ...deps, onError, onChange: this.#policiesChanged },
    );
    this.#grants = new UseGrants({ ...deps, onError, onChange: this.#changed });
    const reviews = new AccessReviews({ keepMs: accessKeptMs, limit: accessesKept }, deps);
    this.#judge = new Policies(
      { surroundings },
      {
        list: () => this.#policies.list(),
        namespaceLabels: (namespace) => this.facts.namespaceLabels(namespace),
        isBound: (subject, policy, namespace) => reviews.mayUse(subject, policy, namespace),
      },
    );
    const requesters = {
      drivers: new Set(values.driverServiceAccount),
      pods: values.approvePods,
      labels: requestLabels,
    };
    const otherwise = values.approveAll
      ? approveOthers(() => this.#policies.hasOthers, metrics)
      : leaveOthers(metrics);
    const { facts } = this;
    this.approver = new ApproveByPolicy(
      { requesters, surroundings },
      { facts, judge: this, otherwise, metrics },
    );
  }

  /** The rest of the caches makes approval cheaper, and is not waited for. */
  get synced(): boolean {
    return this.#policies.synced;
  }

  async decide(request: PolicyRequest): Promise<PolicyDecision> {
    if (this.#policies.synced) return this.#judge.decide(request);
    return { decision: 'leave', because: 'being-read', message: 'the policies are being read' };
  }

  /** Told when what was left may be decided now: of one namespace, or of all. */
  subscribe(listener: (namespace?: string) => void): void {
    this.#listeners.push(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.facts, this.#policies, this.#grants].map((part) => part.run(signal)));
  }

  readonly #policiesChanged = (): void => {
    // The default is bound to everybody.
    if (this.#policies.hasOthers) this.#grants.want();
    this.#changed();
  };

  /** Many changes of one moment are one, and are told when the caches are in order again. */
  readonly #changed = (namespace?: string): void => {
    const isFirst = this.#changes === undefined;
    if (namespace === undefined) this.#changes = 'all';
    else if (this.#changes !== 'all') this.#changes = (this.#changes ?? new Set()).add(namespace);
    if (isFirst) queueMicrotask(() => this.#tellChanges());
  };

  #tellChanges(): void {
    const changes = this.#changes;
    this.#changes = undefined;
    const namespaces = changes === undefined || changes === 'all' ? [undefined] : [...changes];
    for (const namespace of namespaces) for (const listener of this.#listeners) listener(namespace);
  }
}
