import type { Clock } from '../kube/index.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { UnrenewedVolume } from './volume/unrenewed-volume.ts';
import type { VolumeFailure } from './volume/volume-error.ts';
import { isLive, type Volume } from './volume/volume.ts';

const phases = ['key', 'request', 'create', 'wait', 'verify', 'write'] as const;
export type IssuancePhase = (typeof phases)[number];

const failures: Record<VolumeFailure, true> = {
  'invalid-request': true,
  'published-elsewhere': true,
  'invalid-attribute': true,
  busy: true,
  denied: true,
  'issuance-failed': true,
  'issued-wrong': true,
  'not-issued-yet': true,
  'api-unavailable': true,
  'api-refused': true,
  'no-space': true,
  'mount-failed': true,
  'not-found': true,
  cancelled: true,
  'shutting-down': true,
};
const outcomes = ['renewed', ...(Object.keys(failures) as VolumeFailure[])] as const;

const states = [
  'requested',
  'refused',
  'waiting',
  'live',
  'renewing',
] as const satisfies readonly Volume['state'][];

const swapOutcomes = ['swapped', 'failed'] as const;
export type SwapOutcome = (typeof swapOutcomes)[number];

/** What the parts of the driver report. */
export interface DriverMetrics {
  readonly call: (method: string, code: string, seconds: number) => void;
  readonly issuancePhase: (phase: IssuancePhase, seconds: number) => void;
  readonly renewal: (outcome: 'renewed' | VolumeFailure) => void;
  /** @param seconds since the anchors were heard of */
  readonly swap: (outcome: SwapOutcome, seconds?: number) => void;
}

export interface DriverMetricsDependencies {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly volumes: () => Iterable<Volume>;
  /** Those beside them that have files and are not renewed. */
  readonly unrenewed: () => Iterable<UnrenewedVolume>;
  readonly trust: () => TrustCounts;
}

export interface TrustCounts {
  /** Anchor sets of the cluster. */
  readonly sets: number;
  /** Those in use whose present state cannot be used. */
  readonly refused: number;
  /** Volumes that lack the present state of a set. */
  readonly behind: number;
}

/** No series is per volume, pod or namespace: a node's churn would fill the memory of whoever scrapes it. */
export function driverMetrics(dependencies: DriverMetricsDependencies): DriverMetrics {
  const { metrics, clock, trust, unrenewed, volumes } = dependencies;
  const expiries = (): number[] => [
    ...[...volumes()].filter(isLive).map(({ generation }) => generation.notAfter),
    ...[...unrenewed()].flatMap(({ notAfter }) => notAfter ?? []),
  ];
  const calls = metrics.histogram({
    name: 'certmount_driver_csi_call_duration_seconds',
    help: 'CSI calls by method and gRPC code.',
    // The methods and codes of gRPC are few; the limit is a guard.
    labels: { method: { atMost: 16 }, code: { atMost: 17 } },
  });
  const issuance = metrics.histogram({
    name: 'certmount_driver_issuance_phase_duration_seconds',
    help: 'Parts of getting a certificate: make the key, make the request, create it, wait, verify, write.',
    labels: { phase: phases },
  });
  const renewals = metrics.counter({
    name: 'certmount_driver_renewals_total',
    help: 'Attempts to renew by outcome.',
    labels: { outcome: outcomes },
  });
  metrics.computed(
    {
      name: 'certmount_driver_volumes',
      help: 'Volumes on this node by state.',
      type: 'gauge',
      labels: { state: states },
    },
    () =>
      states.map((state) => ({
        labels: { state },
        value: count(volumes(), (volume) => volume.state === state),
      })),
  );
  metrics.computed(
    {
      name: 'certmount_driver_unrenewed_volumes',
      help: 'Volumes of running pods that the driver does not accept any more and does not renew.',
      type: 'gauge',
    },
    () => [{ labels: {}, value: count(unrenewed(), () => true) }],
  );
  metrics.computed(
    {
      name: 'certmount_driver_expired_volumes',
      help: 'Volumes whose certificate has expired.',
      type: 'gauge',
    },
    () => [
      {
        labels: {},
        value: count(expiries(), (notAfter) => notAfter <= clock.now()),
      },
    ],
  );
  metrics.computed(
    {
      name: 'certmount_driver_earliest_expiry_timestamp_seconds',
      help: 'When the first certificate of this node expires; absent without certificates.',
      type: 'gauge',
    },
    () => {
      const times = expiries();
      return times.length === 0 ? [] : [{ labels: {}, value: Math.min(...times) / 1000 }];
    },
  );
  const { swap } = trustMetrics(metrics, trust);
  return {
    swap,
    call: (method, code, seconds) => calls.observe(seconds, { method, code }),
    issuancePhase: (phase, seconds) => issuance.observe(seconds, { phase }),
    renewal: (outcome) => renewals.inc({ outcome }),
  };
}

function trustMetrics(metrics: Metrics, trust: () => TrustCounts): Pick<DriverMetrics, 'swap'> {
  const swaps = metrics.counter({
    name: 'certmount_driver_trust_swaps_total',
    help: 'Changes of the trust anchors of a volume beside its certificate, by outcome.',
    labels: { outcome: swapOutcomes },
  });
  const durations = metrics.histogram({
    name: 'certmount_driver_trust_swap_duration_seconds',
    help: 'From the watch event of anchors to their being in a volume.',
  });
  const gauges = [
    ['certmount_driver_anchor_sets', 'AnchorSets of the cluster.', 'sets'],
    ['certmount_driver_refused_anchor_sets', 'AnchorSets in use that are empty or unreadable.', 'refused'],
    ['certmount_driver_trust_behind_volumes', 'Volumes that lack the present trust anchors.', 'behind'],
  ] as const;
  for (const [name, help, field] of gauges)
    metrics.computed({ name, help, type: 'gauge' }, () => [{ labels: {}, value: trust()[field] }]);
  return {
    swap: (outcome, seconds) => {
      swaps.inc({ outcome });
      if (seconds !== undefined) durations.observe(seconds);
    },
  };
}

function count<T>(items: Iterable<T>, counts: (item: T) => boolean): number {
  let number = 0;
  for (const item of items) if (counts(item)) number += 1;
  return number;
}
