import { certificateRequestPolicies } from '../../../api/certificate-request-policy.ts';
import type { Clock, KubeClient } from '../../../kube/index.ts';
import type { PolicySubject } from '../../../policy/index.ts';
import { reviewAccess } from '../../access-review.ts';
import type { ApprovalMetrics } from '../approval-metrics.ts';

export interface AccessReviewsOptions {
  /** How long a yes holds, in milliseconds: a right that is taken away is used for at most so long. */
  readonly keepMs: number;
  /** Answers that are kept; the least recently used one goes first. */
  readonly limit: number;
}

export interface AccessReviewsDependencies {
  readonly clock: Clock;
  readonly client: Pick<KubeClient, 'request'>;
  readonly metrics: Pick<ApprovalMetrics, 'reviewed'>;
}

interface Answer {
  readonly until: number;
  readonly allowed: Promise<boolean>;
}

/**
 * Asks the API server who may `use` which policy, once for all who ask the same meanwhile. A no is not kept: a denial is final,
 * and where the policy that was not allowed is the narrower one, an old no would leave more to the default than it may have.
 */
export class AccessReviews {
  readonly #options: AccessReviewsOptions;
  readonly #deps: AccessReviewsDependencies;
  /** The most recently used last. */
  readonly #answers = new Map<string, Answer>();

  constructor(options: AccessReviewsOptions, deps: AccessReviewsDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Throws KubeError when there is no answer: that is neither yes nor no. */
  async mayUse(subject: PolicySubject, policy: string, namespace: string): Promise<boolean> {
    // Nobody has no rights, and is not asked about: the API server refuses the question.
    if (subject.username === '' && subject.groups.length === 0) return false;
    const { username, groups, uid, extra } = subject;
    const key = JSON.stringify([username, groups, uid, extra, policy, namespace]);
    const now = this.#deps.clock.now();
    const known = this.#answers.get(key);
    const answer =
      known && known.until > now
        ? known
        : { until: now + this.#options.keepMs, allowed: this.#review(subject, policy, namespace) };
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    this.#trim();
    let allowed = false;
    try {
      allowed = await answer.allowed;
    } finally {
      if (!allowed && this.#answers.get(key) === answer) this.#answers.delete(key);
    }
    return allowed;
  }

  async #review(subject: PolicySubject, name: string, namespace: string): Promise<boolean> {
    const { client, metrics } = this.#deps;
    const { extra, groups, uid, username: user } = subject;
    const { group, plural: resource } = certificateRequestPolicies;
    const resourceAttributes = { group, resource, name, namespace, verb: 'use' };
    try {
      const allowed = await reviewAccess(client, { user, groups, uid, extra, resourceAttributes });
      metrics.reviewed(allowed ? 'allowed' : 'refused');
      return allowed;
    } catch (error) {
      metrics.reviewed('failed');
      throw error;
    }
  }

  #trim(): void {
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#options.limit) break;
      this.#answers.delete(oldest);
    }
  }
}
