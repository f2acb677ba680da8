import type { CertificateRequest } from '../../api/certificate-request.ts';
import { parseServiceAccountUser } from '../../api/service-account.ts';
import type { PolicySubject } from '../../policy/index.ts';
import { claimOfDriver, claimOfPod } from './proof/claimed-pod.ts';
import type { Claim } from './proof/claimed-pod.ts';
import type { ClaimedPod } from './proof/check-pod.ts';
import type { Unproven } from './proof/proof-failure.ts';

export interface RequesterOptions {
  /** User names as the API server has them: `system:serviceaccount:NAMESPACE:NAME`. */
  readonly drivers: ReadonlySet<string>;
  /** Whether a pod may ask for itself, by the driver that has its token. */
  readonly pods: boolean;
  /** Labels of the drivers' requests. */
  readonly labels: { readonly driver: string; readonly node: string };
}

/** Who asks, by the part of a request's spec that admission holds equal to the real requester. */
export type Requester =
  /** For a pod, whose right counts once it is proven that there is such a pod. */
  | { readonly kind: 'for-pod'; readonly pod: ClaimedPod }
  /** For a pod, but the request itself speaks against it. */
  | { readonly kind: 'for-no-pod'; readonly unproven: Unproven }
  /** For itself, whatever that is. */
  | { readonly kind: 'other'; readonly subject: PolicySubject };

export function requesterOf(request: CertificateRequest, options: RequesterOptions): Requester {
  const { metadata, spec } = request;
  const { extra, groups = [], uid, username = '' } = spec;
  const { drivers, labels, pods } = options;
  if (drivers.has(username)) return forPod(claimOfDriver(request, labels.node));
  const account = parseServiceAccountUser(username);
  // Only the driver asks in a pod's name; what else a service account asks for has nothing to do with its pod.
  if (pods && account && metadata.labels?.[labels.driver] !== undefined) {
    const claim = claimOfPod(request, account);
    if (claim.proven || claim.failure !== 'no-claim') return forPod(claim);
  }
  const known = { ...(uid !== undefined && { uid }), ...(extra && { extra }) };
  return { kind: 'other', subject: { username, groups, ...known } };
}

function forPod(claim: Claim): Requester {
  return claim.proven ? { kind: 'for-pod', pod: claim.pod } : { kind: 'for-no-pod', unproven: claim };
}
