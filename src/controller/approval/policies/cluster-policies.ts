import { certificateRequestPolicies } from '../../../api/certificate-request-policy.ts';
import type {
  CertificateRequestPolicy,
  CertificateRequestPolicyStatus,
} from '../../../api/certificate-request-policy.ts';
import { ServedWatch } from '../../../kube/index.ts';
import type { Clock, KubeClient } from '../../../kube/index.ts';
import { compile, defaultPolicyName, knownPolicy } from '../../../policy/index.ts';
import type { KnownPolicy } from '../../../policy/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { EventRecorder } from '../../events/event-recorder.ts';
import { statusOf, withoutManagedFields } from '../../slim-object.ts';
import { PolicyStatus } from './policy-status.ts';
import type { PolicyStatusOptions } from './policy-status.ts';

export type ClusterPoliciesOptions = PolicyStatusOptions;

export interface ClusterPoliciesDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly onError: (resource: string, error: unknown) => void;
  /** The policies are known for the first time, or one of them is another now. */
  readonly onChange: () => void;
}

/** Whoever installs the policies' definition after the controller waits for no longer than this. */
const lookAgainMs = 15_000;

/** The CertificateRequestPolicies of the cluster, each compiled once a version; none where the cluster has no such kind. */
export class ClusterPolicies {
  readonly #deps: ClusterPoliciesDependencies;
  readonly #watch: ServedWatch<CertificateRequestPolicy>;
  readonly #status: PolicyStatus;
  #viewed = false;
  #seen = false;
  readonly #compiled = new WeakMap<CertificateRequestPolicy, KnownPolicy>();

  constructor(options: ClusterPoliciesOptions, deps: ClusterPoliciesDependencies) {
    this.#deps = deps;
    const { client, clock, onError, random } = deps;
    this.#watch = new ServedWatch(
      { types: [certificateRequestPolicies], transform: withoutManagedFields, lookAgainMs },
      { client, clock, random, onError: (error) => onError(certificateRequestPolicies.plural, error) },
    );
    this.#status = new PolicyStatus(options, {
      ...deps,
      find: (name) => {
        const object = this.#watch.get({ name });
        return object && { object, known: this.#known(object) };
      },
      writeStatus: (policy, status) => this.#writeStatus(policy, status),
      create: (policy) => this.#create(policy),
    });
  }

  /**
   * Until then nobody can say that no policy applies. An API server that restarts says for a moment that it knows of no such
   * kind, and one that refuses to show them says nothing: where there were policies they are not believed to be gone.
   */
  get synced(): boolean {
    const believable = this.#watch.type !== undefined || !this.#seen;
    return this.#viewed && believable && this.#watch.synced;
  }

  /** Whether there are any beside the default one. */
  get hasOthers(): boolean {
    for (const { metadata } of this.#watch.list()) if (metadata.name !== defaultPolicyName) return true;
    return false;
  }

  *list(): Iterable<KnownPolicy> {
    for (const policy of this.#watch.list()) yield this.#known(policy);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#watch.subscribe(({ object }) => {
      this.#seen = true;
      this.#status.touch(object.metadata.name ?? '');
      this.#deps.onChange();
    });
    void this.#watch.whenSynced().then(() => {
      this.#viewed = true;
      this.#status.touch(defaultPolicyName);
      this.#deps.onChange();
    });
    await Promise.all([this.#watch.run(signal), this.#status.run(signal)]);
  }

  #known(policy: CertificateRequestPolicy): KnownPolicy {
    const present = this.#compiled.get(policy);
    if (present) return present;
    const known = knownPolicy(policy, compile(policy));
    this.#compiled.set(policy, known);
    return known;
  }

  async #create(policy: CertificateRequestPolicy): Promise<boolean> {
    if (!this.#watch.type) return false;
    await this.#deps.client.resource(certificateRequestPolicies).create(policy);
    return true;
  }

  async #writeStatus(
    policy: CertificateRequestPolicy,
    status: CertificateRequestPolicyStatus,
  ): Promise<void> {
    await this.#deps.client.resource(certificateRequestPolicies).replaceStatus(statusOf(policy, status));
  }
}
