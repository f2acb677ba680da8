import { durationBuckets } from '../../runtime/metrics.ts';
import type { Counter, Gauge, Histogram, Metrics, NoLabels } from '../../runtime/metrics.ts';
import { waitReasons } from './pod-certificate-outcome.ts';
import type { WaitReason } from './pod-certificate-outcome.ts';

const outcomes = ['issued', 'denied'] as const;
export type TerminalOutcome = (typeof outcomes)[number];

/** What is counted of PodCertificateRequests. Every label has a closed set of values. */
export class PodCertificateMetrics {
  readonly #outcomes: Counter<{ readonly outcome: typeof outcomes }>;
  readonly #waits: Counter<{ readonly reason: typeof waitReasons }>;
  readonly #errors: Counter<NoLabels>;
  readonly #open: Gauge<NoLabels>;
  readonly #handled: Histogram<NoLabels>;
  readonly #sinceCreation: Histogram<NoLabels>;

  constructor(metrics: Metrics) {
    this.#outcomes = metrics.counter({
      name: 'certmount_controller_pod_certificates_total',
      help: 'PodCertificateRequests answered, by the answer.',
      labels: { outcome: outcomes },
    });
    this.#waits = metrics.counter({
      name: 'certmount_controller_pod_certificate_waits_total',
      help: 'Looks at a PodCertificateRequest that could not be answered yet, by the reason.',
      labels: { reason: waitReasons },
    });
    this.#errors = metrics.counter({
      name: 'certmount_controller_pod_certificate_errors_total',
      help: 'Looks at a PodCertificateRequest that failed and are repeated.',
    });
    this.#open = metrics.gauge({
      name: 'certmount_controller_open_pod_certificate_requests',
      help: 'PodCertificateRequests to certmount.io that have no answer yet.',
    });
    this.#handled = metrics.histogram({
      name: 'certmount_controller_pod_certificate_handling_seconds',
      help: 'From a PodCertificateRequest first seen by this process to its answer written.',
      buckets: durationBuckets,
    });
    this.#sinceCreation = metrics.histogram({
      name: 'certmount_controller_pod_certificate_answer_seconds',
      help: 'From a PodCertificateRequest created to its answer written; exact to a second.',
      buckets: [1, 2, 5, 10, 30, 60, 300, 900],
    });
  }

  /** @param sinceCreationMs by the API server's creation time, which has whole seconds only */
  answered(outcome: TerminalOutcome, handledMs: number, sinceCreationMs: number): void {
    this.#outcomes.inc({ outcome });
    this.#handled.observe(handledMs / 1000);
    if (Number.isFinite(sinceCreationMs)) this.#sinceCreation.observe(Math.max(0, sinceCreationMs) / 1000);
  }

  waiting(reason: WaitReason): void {
    this.#waits.inc({ reason });
  }

  failed(): void {
    this.#errors.inc();
  }

  open(count: number): void {
    this.#open.set(count);
  }
}
