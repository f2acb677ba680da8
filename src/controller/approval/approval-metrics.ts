import type { Counter, Metrics } from '../../runtime/metrics.ts';
import { proofFailures } from './proof/proof-failure.ts';

const decisions = ['approved', 'denied', 'left'] as const;

const reasons = [
  'policy', // a policy allowed it, or none that applies did
  'no-policy',
  'not-known-yet', // policies are being read, or one that applies is not ready
  'approve-all',
  ...proofFailures,
] as const;

const liveResources = ['pods', 'nodes', 'services', 'namespaces'] as const;
const reviewResults = ['allowed', 'refused', 'failed'] as const;

export type ApprovalReason = (typeof reasons)[number];
export type LiveResource = (typeof liveResources)[number];

/** What approval counts. Every label has a closed set of values. */
export class ApprovalMetrics {
  readonly #decisions: Counter<{ readonly decision: typeof decisions; readonly reason: typeof reasons }>;
  readonly #liveReads: Counter<{ readonly resource: typeof liveResources }>;
  readonly #reviews: Counter<{ readonly result: typeof reviewResults }>;

  constructor(metrics: Metrics) {
    this.#decisions = metrics.counter({
      name: 'certmount_controller_approval_decisions_total',
      help: 'Requests decided upon, by why; one that is left is counted at each look.',
      labels: { decision: decisions, reason: reasons },
    });
    this.#liveReads = metrics.counter({
      name: 'certmount_controller_approval_live_reads_total',
      help: 'Objects read from the API server because the watches did not suffice for a yes.',
      labels: { resource: liveResources },
    });
    this.#reviews = metrics.counter({
      name: 'certmount_controller_access_reviews_total',
      help: 'SubjectAccessReviews of who may use a CertificateRequestPolicy.',
      labels: { result: reviewResults },
    });
  }

  decided(decision: (typeof decisions)[number], reason: ApprovalReason): void {
    this.#decisions.inc({ decision, reason });
  }

  readLive(resource: LiveResource): void {
    this.#liveReads.inc({ resource });
  }

  reviewed(result: (typeof reviewResults)[number]): void {
    this.#reviews.inc({ result });
  }
}
