import type { KubeObject, ObjectKey } from '../../kube/index.ts';
import type { CheckedRequest } from '../requests/check-request.ts';
import type { Issued } from '../requests/outcome.ts';
import type { RequestProblem } from '../requests/problem.ts';

export interface SigningRequest {
  /** The CertificateRequest, or what stands for one: namespace and annotations count. */
  readonly request: Pick<KubeObject, 'metadata'>;
  readonly checked: CheckedRequest;
  /** Milliseconds since the epoch: the certificate's lifetime starts here. */
  readonly now: number;
}

export type SignResult =
  | { readonly result: 'issued'; readonly issued: Issued; readonly warning?: SignWarning }
  | {
      readonly result: 'problem';
      readonly problem: RequestProblem;
      readonly message: string;
      /** A Secret whose next change may mend it. */
      readonly awaits?: ObjectKey;
    };

/** Something that the author should know about a certificate that was issued all the same. */
export interface SignWarning {
  readonly reason: string;
  readonly message: string;
}

/** Turns an approved and checked request into a certificate. Throws only for what a retry may mend. */
export interface Signer {
  /** An authority's, or that of the request itself, which its author has to put into a Secret. */
  readonly signsWith: 'authority' | 'own-key';
  sign(request: SigningRequest): Promise<SignResult>;
}
