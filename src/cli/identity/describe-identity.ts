import type { Pod } from '../../api/core.ts';
import { formatTime } from '../../api/time.ts';
import type { GenerationReport } from '../../api/volume-report.ts';
import { csiIdentity } from '../identities/csi-identities.ts';
import { hasStarted } from '../identities/has-started.ts';
import type { IdentityRow } from '../identities/identity-row.ts';
import { podCertificateIdentity } from '../identities/pod-certificates.ts';
import type { ToldEvent } from './pod-events.ts';
import type { PodCertificateOfPod, PodIdentities, PodVolumeFacts } from './pod-identities.ts';
import { mayBeOfAnother, podCertificateProblems, volumeProblems } from './problems.ts';
import { podCertificateTimeline, type Step, type StepName, timelineOf } from './timeline.ts';

export interface IdentityDescription {
  readonly version: 1;
  readonly namespace: string;
  readonly pod: string;
  readonly node: string | null;
  readonly serviceAccount: string;
  /** Volumes of drivers, then pod certificates. */
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
  readonly events: readonly ToldEvent[];
}

/** All that is known of the identities of one pod. */
export function describeIdentity(
  pod: Pod,
  found: PodIdentities,
  events: readonly ToldEvent[],
  now: number,
): IdentityDescription {
  const { driverSilent, podCertificates, requestsUnknown, volumes } = found;
  return {
    version: 1,
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name ?? '',
    node: pod.spec.nodeName ?? null,
    serviceAccount: pod.spec.serviceAccountName ?? 'default',
    volumes: [
      ...volumes.map((facts) => describeVolume(pod, facts, events, now)),
      ...podCertificates.map((certificate) => describePodCertificate(pod, certificate, events, now)),
    ],
    unknown: [
      ...(driverSilent === null ? [] : [`when it was written and what is mounted: ${driverSilent}`]),
      ...requestsUnknown.map((why) => `requests: ${why}`),
      ...mountsUnknown(pod, found),
    ],
  };
}

/**
 * For sentences: of which volumes nobody tells what is mounted, though the driver was asked. Of a pod certificate only the
 * kubelet knows it, and no API asks a kubelet.
 */
export function mountsUnknown(
  pod: Pod,
  { podCertificates, volumes }: Pick<PodIdentities, 'podCertificates' | 'volumes'>,
): string[] {
  const ofOthers = hasStarted(pod)
    ? volumes.filter(({ report, volume }) => report === null && mayBeOfAnother(volume))
    : [];
  return [
    ...ofOthers.map(
      ({ volume }) =>
        `what is mounted in ${volume.name}: the driver on ${pod.spec.nodeName} has no record of it, and it may be one of another ${volume.csi?.driver}`,
    ),
    ...podCertificates.map(
      ({ source }) =>
        `what is mounted in ${source.volume}: only the kubelet knows what it has written of a pod certificate`,
    ),
  ];
}

function describeVolume(
  pod: Pod,
  facts: PodVolumeFacts,
  events: readonly ToldEvent[],
  now: number,
): VolumeDescription {
  const { report, requests, volume } = facts;
  const mounted = report?.present ?? null;
  const identity = csiIdentity(pod, volume, requests, report, now);
  return {
    identity,
    timeline: shownSteps(timelineOf(facts)),
    mounted,
    nextRenewal: mounted?.renewAt ?? identity.renewsBy,
    problems: volumeProblems(pod, identity, facts, now),
    events,
  };
}

function describePodCertificate(
  pod: Pod,
  { request, source }: PodCertificateOfPod,
  events: readonly ToldEvent[],
  now: number,
): VolumeDescription {
  const identity = podCertificateIdentity(pod, source, request, now);
  return {
    identity,
    timeline: shownSteps(podCertificateTimeline(request.facts)),
    mounted: null,
    nextRenewal: identity.renewsBy,
    problems: podCertificateProblems(identity),
    events,
  };
}

function shownSteps(steps: readonly Step[]): VolumeDescription['timeline'] {
  return steps.map((step) => ({ ...step, at: step.at === null ? null : formatTime(step.at) }));
}
