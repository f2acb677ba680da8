import type { KubeObject, ResourceType } from '../kube/object.ts';
import { certificatesGroup } from './groups.ts';
import type { UsageName } from './usages.ts';

/** Kubernetes' own request for a certificate. The API server fills in who made it, and lets nobody change the spec. */
export interface CertificateSigningRequest extends KubeObject {
  spec: CertificateSigningRequestSpec;
  status?: CertificateSigningRequestStatus;
}

export interface CertificateSigningRequestSpec {
  /** Base64 of the PEM of a PKCS#10 request. */
  request: string;
  signerName: string;
  /** 600 at least. */
  expirationSeconds?: number;
  usages?: UsageName[];
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

export interface CertificateSigningRequestStatus {
  conditions?: SigningRequestCondition[];
  /** Base64 of the PEM of the chain: the leaf first, without the root. */
  certificate?: string;
}

/** Approved and Denied are set through the subresource `approval` alone. */
export interface SigningRequestCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastUpdateTime?: string;
  lastTransitionTime?: string;
}

/** What the experimental annotations of cert-manager's users ask for. */
export const signingRequestAnnotations = {
  /** In Go's syntax; before spec.expirationSeconds. */
  duration: 'experimental.cert-manager.io/request-duration',
  /** "true" asks for an authority. */
  isCA: 'experimental.cert-manager.io/request-is-ca',
  /** For SelfSigned issuers: the Secret that holds the key of the request. */
  privateKeySecret: 'experimental.cert-manager.io/private-key-secret-name',
} as const;

export const certificateSigningRequests: ResourceType<CertificateSigningRequest> = {
  group: certificatesGroup,
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  namespaced: false,
};
