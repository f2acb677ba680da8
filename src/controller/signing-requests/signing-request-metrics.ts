import type { Counter, Metrics, NoLabels } from '../../runtime/metrics.ts';

const outcomes = ['issued', 'failed', 'waiting'] as const;
export type SigningRequestOutcomeLabel = (typeof outcomes)[number];

/** What is counted of CertificateSigningRequests. Waiting may be counted several times for one. */
export class SigningRequestMetrics {
  readonly #outcomes: Counter<{ readonly outcome: typeof outcomes }>;
  readonly #errors: Counter<NoLabels>;

  constructor(metrics: Metrics) {
    this.#outcomes = metrics.counter({
      name: 'certmount_controller_signing_requests_total',
      help: 'Looks at CertificateSigningRequests, by what they came to.',
      labels: { outcome: outcomes },
    });
    this.#errors = metrics.counter({
      name: 'certmount_controller_signing_request_errors_total',
      help: 'Looks at a CertificateSigningRequest that failed and are repeated.',
    });
  }

  looked(outcome: SigningRequestOutcomeLabel): void {
    this.#outcomes.inc({ outcome });
  }

  failed(): void {
    this.#errors.inc();
  }
}
