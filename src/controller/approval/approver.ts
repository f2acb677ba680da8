import type { CertificateRequest } from '../../api/certificate-request.ts';
import type { ParsedRequest } from '../../pki/index.ts';

/** A request that nobody has approved or denied yet. */
export interface ApprovalSubject {
  readonly request: CertificateRequest;
  /** The CSR, parsed once, at the first call. Throws PkiError when it is not one or its signature is wrong. */
  csr(): ParsedRequest;
}

export type ApprovalDecision =
  | { readonly decision: 'approve'; readonly reason: string; readonly message: string }
  | { readonly decision: 'deny'; readonly reason: string; readonly message: string }
  /** Not for this approver to say, or not yet: another one may, elsewhere in the cluster. The message says why. */
  | { readonly decision: 'leave'; readonly message: string };

/** Says yes or no to a request. The request's claims about its requester are held true by admission. */
export interface Approver {
  /** Throws when it cannot say because a call to the API server failed: to be asked again. */
  decide(subject: ApprovalSubject): Promise<ApprovalDecision>;
}
