import type { Pod, PodVolume } from '../../api/core.ts';
import type { GenerationReport } from '../../api/volume-report.ts';
import type { CertificateDescription } from '../../pki/index.ts';
import { otherDriverNames } from '../driver-names.ts';
import { hasStarted } from '../identities/has-started.ts';
import type { IdentityRow } from '../identities/identity-row.ts';
import type { PodVolumeFacts } from './pod-identities.ts';

/** What is wrong with a volume of a driver, sentence by sentence. */
export function volumeProblems(
  pod: Pod,
  identity: IdentityRow,
  facts: PodVolumeFacts,
  now: number,
): string[] {
  const { report, requests } = facts;
  const { message, object, state } = identity;
  const problems = certificateProblems(identity);
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
  const unrecorded = recordProblem(pod, facts);
  if (unrecorded !== undefined) problems.push(unrecorded);
  if (report?.problem != null) problems.push(`the volume cannot be read: ${report.problem}`);
  if (report?.problem === null)
    problems.push(...mountProblems(requests.present?.issued, report.present, now));
  return problems;
}

/** A volume of certmount that its driver, which answers, does not know; undefined when all is well. */
export function recordProblem(
  pod: Pod,
  { report, volume }: Pick<PodVolumeFacts, 'report' | 'volume'>,
): string | undefined {
  return report === null && hasStarted(pod) && !mayBeOfAnother(volume)
    ? `the driver on ${pod.spec.nodeName} has no record of the volume, which is not renewed until the kubelet publishes it again, about once a minute`
    : undefined;
}

/** Whether another driver than certmount's may serve volumes of this name, which tells certmount nothing. */
export function mayBeOfAnother({ csi }: PodVolume): boolean {
  return csi !== undefined && otherDriverNames.includes(csi.driver);
}

/** The same of a pod certificate. */
export function podCertificateProblems(identity: IdentityRow): string[] {
  const { message, object, state } = identity;
  const problems = certificateProblems(identity);
  if (state === 'pending')
    problems.push(
      `PodCertificateRequest ${object} is not answered; Events of the signer say what it waits for`,
    );
  if (state === 'denied' || state === 'failed')
    problems.push(
      `PodCertificateRequest ${object} was ${state}: ${message ?? ''}; to the kubelet that is final, so the pod has to be made anew`,
    );
  return problems;
}

function certificateProblems({ message, notAfter, renewsBy, state }: IdentityRow): string[] {
  const because = message === null ? '' : `: ${message}`;
  if (state === 'overdue') return [`should have been renewed before ${renewsBy}${because}`];
  if (state === 'expired') return [`expired at ${notAfter}${because}`];
  return (state === 'valid' || state === 'renewing') && message !== null ? [message] : [];
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
