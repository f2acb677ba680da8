import type { GenerationReport } from '../../api/volume-report.ts';
import type { RequestFacts } from '../identities/request-facts.ts';
import type { PodVolumeFacts } from './pod-volumes.ts';

export const steps = ['requested', 'approved', 'signed', 'written'] as const;
export type StepName = (typeof steps)[number];

/** One step of an issuance. Objects of the API have whole seconds, and so has the name of a generation. */
export interface Step {
  readonly step: StepName;
  /** Milliseconds since the epoch; null when it has not happened, or nothing tells of it. */
  readonly at: number | null;
  /** Since the step before, milliseconds; null where one of them is not known. */
  readonly tookMs: number | null;
}

/**
 * The way of the present certificate, or of the first one while there is none.
 *
 * @param facts with the newest request, present or not
 */
export function timelineOf({ report, requests }: PodVolumeFacts): readonly Step[] {
  const request = requests.present ?? requests.next;
  const times: Readonly<Record<StepName, number | null>> = {
    requested: request === undefined ? null : request.created,
    approved: request?.approvedAt ?? null,
    signed: request?.phase === 'issued' ? (request.readyAt ?? null) : null,
    written: request === undefined ? null : writtenAt(request, report),
  };
  let before: number | null = null;
  return steps.map((step) => {
    const at = times[step];
    const tookMs = at === null || before === null ? null : Math.max(0, at - before);
    before = at;
    return { step, at, tookMs };
  });
}

/** When the certificate of this request came into the volume: later generations may differ in the anchors alone. */
function writtenAt({ issued }: RequestFacts, report: PodVolumeFacts['report']): number | null {
  const generations = [report?.previous, report?.present].filter(
    (generation): generation is GenerationReport => generation != null,
  );
  const holder = generations.find(({ fingerprint }) => fingerprint === issued?.fingerprint);
  return holder === undefined ? null : Date.parse(holder.writtenAt);
}
