import type { Pod } from '../../api/core.ts';
import { certManagerGroup } from '../../api/issuer-reference.ts';
import { isOurSigner, issuersOfSigner } from '../../api/pod-certificate-signer.ts';
import type { KeySpec } from '../../pki/index.ts';
import {
  parseUserAnnotations,
  podCertificateOf,
  policyPodOf,
  serviceAccountSubject,
} from '../../policy/index.ts';
import { type PodCertificateSource, podCertificateSources } from '../identities/pod-certificates.ts';
import type { RequestOptions, VolumeRequest } from './requests-of.ts';

/** The kinds of keys that the API has (KEP-4317). */
export const keyTypes = {
  RSA3072: { algorithm: 'RSA', size: 3072 },
  RSA4096: { algorithm: 'RSA', size: 4096 },
  ECDSAP256: { algorithm: 'ECDSA', size: 256 },
  ECDSAP384: { algorithm: 'ECDSA', size: 384 },
  ECDSAP521: { algorithm: 'ECDSA', size: 521 },
  ED25519: { algorithm: 'Ed25519' },
} as const satisfies Readonly<Record<string, KeySpec>>;

/** What the kubelet would ask of certmount's signers for the pod, as the controller would read it. */
export function podCertificatesOf(pod: Pod, options: RequestOptions): VolumeRequest[] {
  return podCertificateSources(pod)
    .filter(({ signerName }) => isOurSigner(signerName))
    .map((source) => requestOf(pod, source, options));
}

function requestOf(
  pod: Pod,
  { keyType, maxExpirationSeconds, signerName, userAnnotations, volume }: PodCertificateSource,
  options: RequestOptions,
): VolumeRequest {
  // Its volumes come before its addresses.
  const policyPod = { ...policyPodOf(pod, options.services, options), ips: [] };
  const { name, namespace, serviceAccount: serviceAccountName, uid } = policyPod;
  const spec = {
    podName: name,
    podUID: uid,
    serviceAccountName,
    ...(maxExpirationSeconds !== undefined && { maxExpirationSeconds }),
    ...(userAnnotations !== undefined && { unverifiedUserAnnotations: userAnnotations }),
  };
  const asked = parseUserAnnotations(spec, namespace);
  const of = { volume, source: 'pod-certificate' } as const;
  if (!asked.valid) return { ...of, outcome: 'invalid', refusedBy: 'controller', message: asked.message };
  // The Issuer beside the pod, where it may be meant: whether a ClusterIssuer of the whole name is there, no file tells.
  const issuer = issuersOfSigner(signerName, namespace).at(-1);
  const key = keyTypes[keyType as keyof typeof keyTypes];
  return {
    ...of,
    outcome: 'asks',
    request: {
      namespace,
      name,
      issuer: { name: issuer?.name ?? '', kind: issuer?.kind ?? '', group: certManagerGroup },
      subject: serviceAccountSubject(policyPod),
      pod: policyPod,
      certificate: podCertificateOf({ metadata: { namespace }, spec }, asked, key, options.trustDomain),
    },
  };
}
