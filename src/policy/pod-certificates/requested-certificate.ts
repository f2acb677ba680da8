import { type PodCertificateRequest, shortestLifetime } from '../../api/pod-certificate-request.ts';
import { serviceAccountSpiffeId } from '../../api/service-account.ts';
import type { UsageName } from '../../api/usages.ts';
import { type KeySpec, noAltNames } from '../../pki/index.ts';
import type { RequestedCertificate } from '../policy-request.ts';
import type { UserAnnotations } from './user-annotations.ts';

/** What both ends of mutual TLS need. RSA key transport additionally needs key encipherment (RFC 5246 §7.4.2). */
const mutualTls: readonly UsageName[] = ['digital signature', 'server auth', 'client auth'];
const mutualTlsOfRsa: readonly UsageName[] = [...mutualTls, 'key encipherment'];

/** What a PodCertificateRequest asks for: the pod's identity, and the names of its author. */
export function podCertificateOf(
  {
    metadata,
    spec,
  }: Pick<PodCertificateRequest, 'metadata'> & {
    readonly spec: Pick<PodCertificateRequest['spec'], 'maxExpirationSeconds' | 'serviceAccountName'>;
  },
  { commonName, dnsNames, ipAddresses }: UserAnnotations,
  key: KeySpec,
  trustDomain: string,
): RequestedCertificate & { readonly duration: number } {
  const account = { namespace: metadata.namespace ?? '', name: spec.serviceAccountName };
  return {
    subject: commonName === undefined ? {} : { commonName },
    altNames: { ...noAltNames, dnsNames, ipAddresses, uris: [serviceAccountSpiffeId(account, trustDomain)] },
    usages: key.algorithm === 'RSA' ? mutualTlsOfRsa : mutualTls,
    isCA: false,
    // The longest: the API lets a signer give less.
    duration: (spec.maxExpirationSeconds ?? 86_400) * 1000,
    shortestDuration: shortestLifetime,
    key,
  };
}
