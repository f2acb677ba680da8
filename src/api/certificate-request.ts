import type { KubeObject, ResourceType } from '../kube/object.ts';
import type { Condition } from './condition.ts';
import { isConditionTrue } from './condition.ts';
import type { IssuerReference } from './issuer-reference.ts';
import { certManagerGroup } from './issuer-reference.ts';
import type { UsageName } from './usages.ts';

/** Asks one issuer for one certificate. The spec never changes; approval and issuance are in the status. */
export interface CertificateRequest extends KubeObject {
  spec: CertificateRequestSpec;
  status?: CertificateRequestStatus;
}

export interface CertificateRequestSpec {
  /** Base64 of the PEM of a PKCS#10 request. */
  request: string;
  issuerRef: IssuerReference;
  /** Lifetime asked for, in Go's syntax; {@link defaultDuration} when not set. An issuer may give another. */
  duration?: string;
  isCA?: boolean;
  /** The default is in usages.ts. */
  usages?: UsageName[];
  /** Who made the request, as the API server knows them: equal to the requester's, or the request is refused. */
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

export interface CertificateRequestStatus {
  conditions?: Condition[];
  /** Base64 of the PEM of the chain: the leaf first, without the root. */
  certificate?: string;
  /** Base64 of the PEM of the issuer's root, or of the highest certificate known. */
  ca?: string;
  /** When the request was first found to have failed or to be denied. */
  failureTime?: string;
}

/** Lifetime of what does not ask for another: 90 days. */
export const defaultDuration = '2160h0m0s';

export const certificateRequests: ResourceType<CertificateRequest> = {
  group: certManagerGroup,
  version: 'v1',
  kind: 'CertificateRequest',
  plural: 'certificaterequests',
  namespaced: true,
};

export function isApproved(request: CertificateRequest): boolean {
  return isConditionTrue(request.status?.conditions, 'Approved');
}

export function isDenied(request: CertificateRequest): boolean {
  return isConditionTrue(request.status?.conditions, 'Denied');
}
