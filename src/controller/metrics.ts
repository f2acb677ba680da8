import { durationBuckets } from '../runtime/metrics.ts';
import type { Counter, Histogram, Metrics } from '../runtime/metrics.ts';
import { PodCertificateMetrics } from './pod-certificates/pod-certificate-metrics.ts';
import { SigningRequestMetrics } from './signing-requests/signing-request-metrics.ts';

const controllers = ['certificaterequests', 'issuers'] as const;
export type ControllerName = (typeof controllers)[number];

/** Pending may be counted several times for one request, as often as what it waits for changes. */
const outcomes = ['issued', 'failed', 'denied', 'pending'] as const;
export type RequestOutcomeLabel = (typeof outcomes)[number];

export interface SyncMetrics {
  synced(controller: ControllerName): void;
  failed(controller: ControllerName): void;
}

export interface RequestMetrics {
  /**
   * @param handledMs from the time the request was first seen here to its status written
   * @param sinceCreationMs by the API server's creation time, which has whole seconds only
   */
  issued(handledMs: number, sinceCreationMs: number): void;
  finished(outcome: Exclude<RequestOutcomeLabel, 'issued'>): void;
  /** A status write lost against another writer: harmless, and looked at again. */
  conflict(): void;
}

/** Read at each scrape. */
export interface ControllerFigures {
  readonly leading: boolean;
  readonly queueDepth: Readonly<Record<ControllerName, number>>;
  readonly openRequests: number;
}

/** What the controller counts. Every label has a closed set of values. */
export class ControllerMetrics implements SyncMetrics, RequestMetrics {
  readonly podCertificates: PodCertificateMetrics;
  readonly signingRequests: SigningRequestMetrics;
  readonly #syncs: Counter<{ readonly controller: typeof controllers }>;
  readonly #errors: Counter<{ readonly controller: typeof controllers }>;
  readonly #outcomes: Counter<{ readonly outcome: typeof outcomes }>;
  readonly #conflicts: Counter<Record<never, never>>;
  readonly #handled: Histogram<Record<never, never>>;
  readonly #sinceCreation: Histogram<Record<never, never>>;

  constructor(metrics: Metrics, figures: () => ControllerFigures) {
    this.#syncs = metrics.counter({
      name: 'certmount_controller_sync_total',
      help: 'Objects looked at by a controller.',
      labels: { controller: controllers },
    });
    this.#errors = metrics.counter({
      name: 'certmount_controller_sync_errors_total',
      help: 'Looks that failed and are repeated.',
      labels: { controller: controllers },
    });
    this.#outcomes = metrics.counter({
      name: 'certmount_controller_requests_total',
      help: 'Statuses written on CertificateRequests, by what they say.',
      labels: { outcome: outcomes },
    });
    this.#conflicts = metrics.counter({
      name: 'certmount_controller_request_conflicts_total',
      help: 'Status writes that another writer came before, or whose request was gone.',
    });
    this.#handled = metrics.histogram({
      name: 'certmount_controller_request_handling_seconds',
      help: 'From a CertificateRequest first seen by this process to its certificate written.',
      buckets: durationBuckets,
    });
    this.#sinceCreation = metrics.histogram({
      name: 'certmount_controller_request_issuance_seconds',
      help: 'From a CertificateRequest created to its certificate written; exact to a second.',
      buckets: [1, 2, 5, 10, 30, 60, 300, 1800, 3600],
    });
    describeFigures(metrics, figures);
    this.podCertificates = new PodCertificateMetrics(metrics);
    this.signingRequests = new SigningRequestMetrics(metrics);
  }

  synced(controller: ControllerName): void {
    this.#syncs.inc({ controller });
  }

  failed(controller: ControllerName): void {
    this.#errors.inc({ controller });
  }

  issued(handledMs: number, sinceCreationMs: number): void {
    this.#outcomes.inc({ outcome: 'issued' });
    this.#handled.observe(handledMs / 1000);
    if (Number.isFinite(sinceCreationMs)) this.#sinceCreation.observe(Math.max(0, sinceCreationMs) / 1000);
  }

  finished(outcome: Exclude<RequestOutcomeLabel, 'issued'>): void {
    this.#outcomes.inc({ outcome });
  }

  conflict(): void {
    this.#conflicts.inc();
  }
}

function describeFigures(metrics: Metrics, figures: () => ControllerFigures): void {
  metrics.computed(
    { type: 'gauge', name: 'certmount_controller_leader', help: '1 while this process leads, else 0.' },
    () => [{ labels: {}, value: figures().leading ? 1 : 0 }],
  );
  metrics.computed(
    {
      type: 'gauge',
      name: 'certmount_controller_queue_depth',
      help: 'Objects that wait for a worker.',
      labels: { controller: controllers },
    },
    () =>
      controllers.map((controller) => ({ labels: { controller }, value: figures().queueDepth[controller] })),
  );
  metrics.computed(
    {
      type: 'gauge',
      name: 'certmount_controller_open_requests',
      help: 'CertificateRequests that have no final status yet.',
    },
    () => [{ labels: {}, value: figures().openRequests }],
  );
}
