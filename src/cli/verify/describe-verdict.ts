import { formatTime } from '../../api/time.ts';
import { nameOf } from '../describe-leaf.ts';
import { type CertificateDescription } from '../../pki/index.ts';
import { oneLine } from '../output/one-line.ts';
import { distanceText } from '../output/time-text.ts';
import type { KnownCertificate, Verdict, VolumeCertificates } from './judge.ts';

export interface Verification {
  readonly version: 1;
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  readonly result: Verdict['result'];
  /** Whether what is served has ended. */
  readonly expired: boolean;
  readonly volume: string | null;
  readonly served: ShownCertificate;
  readonly mounted: ShownCertificate | null;
  readonly issued: ShownCertificate | null;
  /** Since when the process serves an old certificate; RFC 3339. */
  readonly staleSince: string | null;
  /** What it means, sentence by sentence. */
  readonly explanation: readonly string[];
}

export interface ShownCertificate {
  readonly name: string;
  readonly serialNumber: string;
  readonly fingerprint: string;
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** When it was written or signed; null for what is served. */
  readonly since: string | null;
}

export interface VerificationSubject {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Volumes that containers mount by subPath alone. */
  readonly bySubPath: readonly string[];
  /** What could not be asked, and why. */
  readonly unknown: readonly string[];
}

export function describeVerdict(
  subject: VerificationSubject,
  served: CertificateDescription,
  volumes: readonly VolumeCertificates[],
  verdict: Verdict,
  now: number,
): Verification {
  const { bySubPath, namespace, pod, port, unknown } = subject;
  const volume = verdict.result === 'foreign' ? null : verdict.volume;
  const certificates = volumes.find((known) => volume === null || known.volume === volume);
  const { issued, mounted } = certificates ?? {};
  const explanation = [...sentences(verdict, served, bySubPath, now), ...unknown];
  if (mounted !== undefined && issued !== undefined && mounted.fingerprint !== issued.fingerprint)
    explanation.push('What is mounted is not what was issued last: a renewal is on its way, or failed.');
  const expired = now > served.notAfter;
  if (expired) explanation.push(`What it serves has expired, at ${formatTime(served.notAfter)}.`);
  return {
    version: 1,
    namespace,
    pod,
    port,
    result: verdict.result,
    expired,
    volume,
    served: shown(served),
    mounted: mounted === undefined ? null : shown(mounted),
    issued: issued === undefined ? null : shown(issued),
    staleSince: verdict.result === 'stale' ? formatTime(verdict.since) : null,
    explanation,
  };
}

function sentences(
  verdict: Verdict,
  served: CertificateDescription,
  bySubPath: readonly string[],
  now: number,
): string[] {
  switch (verdict.result) {
    case 'match':
      return [`The process serves the certificate of the volume ${verdict.volume}.`];
    case 'stale': {
      const { atLeast, since, volume } = verdict;
      const when = `${formatTime(since)} (${distanceText(since, now)})`;
      const stale = `The process serves an earlier certificate of the volume ${volume}: it has not reloaded since ${atLeast ? 'before ' : ''}${when}.`;
      const left = now > served.notAfter ? [] : [`It works until ${formatTime(served.notAfter)}.`];
      return bySubPath.includes(volume)
        ? [stale, ...left, 'The volume is mounted by subPath, which is never updated: mount the folder.']
        : [stale, ...left, 'How servers take up new files is in docs/reloading.md.'];
    }
    case 'foreign':
      return [
        `The process serves ${nameOf(served)} of ${served.issuer}, which is of none of the volumes looked at: is it the right port, or does a proxy stand before it?`,
      ];
  }
}

function shown(certificate: CertificateDescription | KnownCertificate): ShownCertificate {
  const { fingerprint, issuer, notAfter, notBefore, serialNumber } = certificate;
  const since = 'since' in certificate ? certificate.since : undefined;
  return {
    name: nameOf(certificate),
    serialNumber,
    fingerprint,
    issuer,
    notBefore: formatTime(notBefore),
    notAfter: formatTime(notAfter),
    since: since === undefined ? null : formatTime(since),
  };
}

/** For people. */
export function verificationText(verification: Verification): string {
  const { expired, explanation, issued, mounted, namespace, pod, port, result, served } = verification;
  const line = (what: string, certificate: ShownCertificate | null): string =>
    certificate === null
      ? `  ${what}not known`
      : `  ${what}${certificate.serialNumber}  ${certificate.name}  ${certificate.notBefore} to ${certificate.notAfter}`;
  return [
    `Pod ${namespace}/${pod}, port ${port}: ${result}${expired ? ', expired' : ''}`,
    line('served   ', served),
    line('mounted  ', mounted),
    line('issued   ', issued),
    ...explanation,
    '',
  ]
    .map(oneLine)
    .join('\n');
}
