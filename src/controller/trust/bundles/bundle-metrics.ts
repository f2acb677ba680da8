import type { Counter, Metrics } from '../../../runtime/metrics.ts';
import { leftOutReasons } from './gather-anchors.ts';
import type { LeftOutReason } from './gather-anchors.ts';

const states = ['synced', 'failed'] as const;
const operations = ['created', 'updated', 'deleted', 'failed'] as const;
export type TargetOperation = (typeof operations)[number];

/** Read at each scrape. */
export interface BundleFigures {
  readonly bundles: Readonly<Record<(typeof states)[number], number>>;
  readonly leftOut: Readonly<Record<LeftOutReason, number>>;
}

/** What Bundles come to. Every label has a closed set of values. */
export class BundleMetrics {
  readonly #writes: Counter<{ readonly operation: typeof operations }>;
  #figures: (() => BundleFigures) | undefined;

  constructor(metrics: Metrics) {
    this.#writes = metrics.counter({
      name: 'certmount_controller_bundle_target_writes_total',
      help: 'Writes of ConfigMaps and Secrets of Bundles; those that failed are repeated.',
      labels: { operation: operations },
    });
    metrics.computed(
      {
        type: 'gauge',
        name: 'certmount_controller_bundles',
        help: 'Bundles by their condition Synced; none while another process leads.',
        labels: { state: states },
      },
      () => states.map((state) => ({ labels: { state }, value: this.#figures?.().bundles[state] ?? 0 })),
    );
    metrics.computed(
      {
        type: 'gauge',
        name: 'certmount_controller_bundle_certificates_left_out',
        help: 'Certificates in sources of Bundles that are not published, by why.',
        labels: { reason: leftOutReasons },
      },
      () =>
        leftOutReasons.map((reason) => ({
          labels: { reason },
          value: this.#figures?.().leftOut[reason] ?? 0,
        })),
    );
  }

  wrote(operation: TargetOperation): void {
    this.#writes.inc({ operation });
  }

  /** Where the figures of the present term come from; undefined at its end. */
  show(figures: (() => BundleFigures) | undefined): void {
    this.#figures = figures;
  }
}
