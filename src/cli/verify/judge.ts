import type { CertificateDescription } from '../../pki/index.ts';
import { mountedCertificate } from '../identities/mounted-certificate.ts';
import type { PodCertificateOfPod, PodVolumeFacts } from '../identity/pod-identities.ts';

/** What is known of the certificates of one volume. */
export interface VolumeCertificates {
  readonly volume: string;
  readonly mounted: KnownCertificate | undefined;
  /** Before the mounted one. */
  readonly previous: KnownCertificate | undefined;
  readonly issued: KnownCertificate | undefined;
}

export interface KnownCertificate extends Pick<
  CertificateDescription,
  'serialNumber' | 'fingerprint' | 'spiffeId' | 'dnsNames' | 'subject' | 'issuer' | 'notBefore' | 'notAfter'
> {
  /** When it came to where it is, milliseconds since the epoch: written or signed. */
  readonly since: number | undefined;
}

export type Verdict =
  | { readonly result: 'match'; readonly volume: string }
  /** An earlier certificate of the volume: the process has not taken up the present one. */
  | {
      readonly result: 'stale';
      readonly volume: string;
      /** Since when the process should have had another, milliseconds since the epoch. */
      readonly since: number;
      /** Whether it can be longer than that: more than one rotation was missed, or the node could not be asked. */
      readonly atLeast: boolean;
    }
  /** Not of these volumes. */
  | { readonly result: 'foreign' };

/** What the process serves, against what it has in its volumes. */
export function judge(served: CertificateDescription, volumes: readonly VolumeCertificates[]): Verdict {
  const matching = volumes.find(
    ({ issued, mounted }) => (mounted ?? issued)?.fingerprint === served.fingerprint,
  );
  if (matching !== undefined) return { result: 'match', volume: matching.volume };
  const wasIn = ({ previous }: VolumeCertificates): boolean => previous?.fingerprint === served.fingerprint;
  // Two volumes may be of one identity: what is known for sure goes before what it looks like.
  for (const known of volumes.toSorted((a, b) => Number(wasIn(b)) - Number(wasIn(a)))) {
    const { issued, mounted, previous, volume } = known;
    const present = mounted ?? issued;
    if (present === undefined) continue;
    const wasMounted = wasIn(known);
    if (!wasMounted && !isEarlier(served, present)) continue;
    const first = wasMounted ? present : (previous ?? present);
    return {
      result: 'stale',
      volume,
      since: first.since ?? first.notBefore,
      atLeast: !wasMounted,
    };
  }
  return { result: 'foreign' };
}

/** The same holder in the words of the same issuer, from before: nothing else keeps older certificates of a volume. */
function isEarlier(served: CertificateDescription, present: KnownCertificate): boolean {
  return (
    served.notBefore <= present.notBefore &&
    served.issuer === present.issuer &&
    served.spiffeId === present.spiffeId &&
    served.subject === present.subject &&
    served.dnsNames.join() === present.dnsNames.join()
  );
}

export function certificatesOf({ report, requests, volume }: PodVolumeFacts): VolumeCertificates {
  const known = (
    generation: NonNullable<typeof report>['present'] | undefined,
  ): KnownCertificate | undefined =>
    generation == null
      ? undefined
      : { ...mountedCertificate(generation), since: Date.parse(generation.writtenAt) };
  const { present } = requests;
  return {
    volume: volume.name,
    mounted: known(report?.present),
    previous: known(report?.previous),
    issued: present?.issued && { ...present.issued, since: present.readyAt },
  };
}

/** Of a pod certificate nobody but the kubelet knows what is mounted. */
export function certificatesOfPodCertificate({ request, source }: PodCertificateOfPod): VolumeCertificates {
  const { answeredAt, issued } = request.facts ?? {};
  return {
    volume: source.volume,
    mounted: undefined,
    previous: undefined,
    issued: issued && { ...issued, since: answeredAt ?? undefined },
  };
}
