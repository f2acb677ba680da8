import type { KubeObject, ResourceType } from '../kube/object.ts';
import type { Condition } from './condition.ts';
import { certificatesGroup } from './groups.ts';

/** A kubelet asks for the certificate of one `podCertificate` projection (KEP-4317). The spec never changes. */
export interface PodCertificateRequest extends KubeObject {
  spec: PodCertificateRequestSpec;
  status?: PodCertificateRequestStatus;
}

/** NodeRestriction holds pod, service account and node to what runs on the node that asks. */
export interface PodCertificateRequestSpec {
  signerName: string;
  podName: string;
  podUID: string;
  serviceAccountName: string;
  serviceAccountUID: string;
  nodeName: string;
  nodeUID: string;
  /** From an hour to 91 days; the API server's default is a day. */
  maxExpirationSeconds?: number;
  /**
   * Base64 of the DER of a PKCS#10 request for no name. Kubelets from 1.36 on fill it, and none of the next two; what is not
   * filled in is null in v1beta1.
   */
  stubPKCS10Request?: string | null;
  /** Base64 of a SubjectPublicKeyInfo, of which {@link proofOfPossession} is proof: kubelets of 1.35, in v1beta1 only. */
  pkixPublicKey?: string | null;
  proofOfPossession?: string | null;
  /** What the pod's author wrote as `userAnnotations`. Nobody has checked it. */
  unverifiedUserAnnotations?: Record<string, string>;
}

/** Once it has one of the conditions the API server takes no other status. */
export interface PodCertificateRequestStatus {
  /** At most one. */
  conditions?: Condition[];
  /** PEM: the leaf first, then intermediates. */
  certificateChain?: string;
  notBefore?: string;
  beginRefreshAt?: string;
  notAfter?: string;
}

export const podCertificateConditions = ['Issued', 'Denied', 'Failed'] as const;

/** Milliseconds: the API server takes no certificate of less. */
export const shortestLifetime = 3_600_000;

/** Reasons of the condition Denied that kubelets' users know. */
export const unsupportedKeyType = 'UnsupportedKeyType';
export const invalidUserAnnotations = 'InvalidUnverifiedUserAnnotations';

/** v1beta1 shows the key of every kubelet, v1 only that of kubelets from 1.36 on (KEP-4317, version skew): so it comes last. */
export const podCertificateRequestVersions = ['v1beta1', 'v1'] as const;
export type PodCertificateRequestVersion = (typeof podCertificateRequestVersions)[number];

export function podCertificateRequests(
  version: PodCertificateRequestVersion,
): ResourceType<PodCertificateRequest> {
  return {
    group: certificatesGroup,
    version,
    kind: 'PodCertificateRequest',
    plural: 'podcertificaterequests',
    namespaced: true,
  };
}

/** Whether the status is the last one that the request will have. */
export function isTerminal({ status }: PodCertificateRequest): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: value }) =>
      value === 'True' && (podCertificateConditions as readonly string[]).includes(type),
  );
}
