import type { GenerationReport } from '../../api/volume-report.ts';
import type { DriverReport } from '../identities/csi-identities.ts';
import type { PodCertificateFacts } from '../identities/pod-certificates.ts';
import type { PodVolumeFacts } from './pod-identities.ts';

export type StepName =
  | 'requested'
  | 'approved'
  | 'signed'
  | 'written'
  // Of a pod certificate, which one status write answers.
  | 'issued'
  | 'denied'
  | 'failed';

/** One step of an issuance. Objects of the API have whole seconds, and so has the name of a generation. */
export interface Step {
  readonly step: StepName;
  /** Milliseconds since the epoch; null when it has not happened, or nothing tells of it. */
  readonly at: number | null;
  /** Since the step before, milliseconds; null where one of them is not known. */
  readonly tookMs: number | null;
}

/**
 * The way of the present certificate, or of the first one while there is none. Of a certificate whose request is gone only
 * the node knows, and so only the last step.
 */
export function timelineOf({ report, requests }: PodVolumeFacts): readonly Step[] {
  const mounted = report?.present ?? undefined;
  const request = requests.present ?? (mounted === undefined ? requests.next : undefined);
  return stepsOf([
    ['requested', request === undefined ? null : request.created],
    ['approved', request?.approvedAt ?? null],
    ['signed', request?.phase === 'issued' ? (request.readyAt ?? null) : null],
    ['written', writtenAt((request?.issued ?? mounted)?.fingerprint, report)],
  ]);
}

/** Of a pod certificate; nothing tells when the kubelet has written it. */
export function podCertificateTimeline(facts: PodCertificateFacts | undefined): readonly Step[] {
  const { answeredAt = null, created = null, phase = 'pending' } = facts ?? {};
  return stepsOf([
    ['requested', created],
    [phase === 'pending' ? 'issued' : phase, answeredAt],
  ]);
}

function stepsOf(times: readonly (readonly [step: StepName, at: number | null])[]): readonly Step[] {
  let before: number | null = null;
  return times.map(([step, at]) => {
    const tookMs = at === null || before === null ? null : Math.max(0, at - before);
    before = at;
    return { step, at, tookMs };
  });
}

/** When this certificate came into the volume: later generations may differ in the anchors alone. */
function writtenAt(certificate: string | undefined, report: DriverReport): number | null {
  const generations = [report?.previous, report?.present].filter(
    (generation): generation is GenerationReport => generation != null,
  );
  const holder = generations.find(({ fingerprint }) => fingerprint === certificate);
  return holder === undefined ? null : Date.parse(holder.writtenAt);
}
