import type { Event, Pod } from '../../api/core.ts';
import { formatTime } from '../../api/time.ts';
import type { GenerationReport } from '../../api/volume-report.ts';
import { type CertificateDescription } from '../../pki/index.ts';
import { csiIdentity } from '../identities/csi-identities.ts';
import type { IdentityRow } from '../identities/identity-row.ts';
import type { PodVolumeFacts, PodVolumes } from './pod-volumes.ts';
import { type StepName, timelineOf } from './timeline.ts';

export interface IdentityDescription {
  readonly version: 1;
  readonly namespace: string;
  readonly pod: string;
  readonly node: string | null;
  readonly serviceAccount: string;
  readonly volumes: readonly VolumeDescription[];
  /** What could not be looked at, and why. */
  readonly unknown: readonly string[];
}

export interface VolumeDescription {
  readonly identity: IdentityRow;
  readonly timeline: readonly {
    readonly step: StepName;
    readonly at: string | null;
    readonly tookMs: number | null;
  }[];
  /** What readers of the volume see; null when that is nothing, or not known. */
  readonly mounted: GenerationReport | null;
  /** When it is renewed: exactly where the volume tells, else at the latest. */
  readonly nextRenewal: string | null;
  readonly problems: readonly string[];
  readonly events: readonly {
    readonly at: string;
    readonly type: string;
    readonly reason: string;
    readonly note: string;
  }[];
}

/** All that is known of the identities of one pod. */
export function describeIdentity(
  pod: Pod,
  found: PodVolumes,
  events: readonly Event[],
  now: number,
): IdentityDescription {
  const unknown = [
    ...(found.driverSilent === null
      ? []
      : [`when it was written and what is mounted: ${found.driverSilent}`]),
    ...(found.requestsUnknown === null ? [] : [`requests: ${found.requestsUnknown}`]),
  ];
  return {
    version: 1,
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name ?? '',
    node: pod.spec.nodeName ?? null,
    serviceAccount: pod.spec.serviceAccountName ?? 'default',
    volumes: found.volumes.map((facts) => describeVolume(pod, facts, events, now)),
    unknown,
  };
}

function describeVolume(
  pod: Pod,
  facts: PodVolumeFacts,
  events: readonly Event[],
  now: number,
): VolumeDescription {
  const { report, requests, volume } = facts;
  const mounted = report?.present ?? null;
  const fromApi = csiIdentity(pod, volume, requests, now);
  const identity =
    fromApi.serialNumber === null && mounted !== null ? fromVolume(fromApi, mounted, now) : fromApi;
  return {
    identity,
    timeline: timelineOf(facts).map((step) => ({
      ...step,
      at: step.at === null ? null : formatTime(step.at),
    })),
    mounted,
    nextRenewal: mounted?.renewAt ?? identity.renewsBy,
    problems: problemsOf(identity, facts, now),
    events: events.map(({ eventTime, metadata, note = '', reason, type }) => ({
      at: eventTime ?? metadata.creationTimestamp ?? '',
      type,
      reason,
      note,
    })),
  };
}

/** For a driver that keeps no requests: the volume itself knows. */
function fromVolume(row: IdentityRow, mounted: GenerationReport, now: number): IdentityRow {
  const { dnsNames, notAfter, notBefore, renewAt, serialNumber, spiffeId, subject } = mounted;
  const state = now > Date.parse(notAfter) ? 'expired' : 'valid';
  const message = null;
  return {
    ...row,
    spiffeId,
    dnsNames,
    subject,
    serialNumber,
    notBefore,
    notAfter,
    renewsBy: renewAt,
    state,
    message,
  };
}

function problemsOf(identity: IdentityRow, { report, requests }: PodVolumeFacts, now: number): string[] {
  const problems: string[] = [];
  const { message, notAfter, object, state } = identity;
  const because = message === null ? '' : `: ${message}`;
  if (state === 'pending')
    problems.push(
      requests.next?.approvedAt === undefined
        ? `CertificateRequest ${object} is not approved${because}`
        : `CertificateRequest ${object} is approved, and its issuer has not signed${because}`,
    );
  if (state === 'denied' || state === 'failed')
    problems.push(`CertificateRequest ${object} was ${state}${because}`);
  if (state === 'missing') problems.push(`no certificate is asked for${because}`);
  if (state === 'overdue') problems.push(`should have been renewed before ${identity.renewsBy}${because}`);
  if (state === 'expired') problems.push(`expired at ${notAfter}${because}`);
  if ((state === 'valid' || state === 'renewing') && message !== null) problems.push(message);
  if (report?.problem != null) problems.push(`the volume cannot be read: ${report.problem}`);
  if (report !== undefined && report.problem === null)
    problems.push(...mountProblems(requests.present?.issued, report.present, now));
  return problems;
}

function mountProblems(
  issued: CertificateDescription | undefined,
  mounted: GenerationReport | null,
  now: number,
): string[] {
  if (mounted === null) return issued === undefined ? [] : ['it is issued, and not in the volume yet'];
  const problems: string[] = [];
  if (issued !== undefined && issued.fingerprint !== mounted.fingerprint)
    problems.push(
      `the volume has serial ${mounted.serialNumber}, and the newest issued one is ${issued.serialNumber}`,
    );
  if (mounted.anchors.length === 0) problems.push('the volume has no trust anchors: its issuer names none');
  for (const { notAfter, subject } of mounted.anchors)
    if (now > Date.parse(notAfter)) problems.push(`its trust anchor ${subject} expired at ${notAfter}`);
  return problems;
}
