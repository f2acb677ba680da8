/**
 * Why a request has no certificate. The names are the Event reasons that cert-manager's users know.
 * Closed: a new one needs a row in {@link problems}.
 */
export type RequestProblem =
  | 'InvalidRequest' // the request itself can never be signed, by any issuer
  | 'IssuerNotFound'
  | 'IssuerTypeMissing'
  | 'IssuerTypeNotSupported'
  | 'IssuerNotReady'
  | 'AwaitingTrust' // the issuer's new CA is not known to all nodes yet
  | 'MissingAnnotation' // SelfSigned: the request names no private key
  | 'MissingSecret'
  | 'ErrorGettingSecret'
  | 'ErrorParsingKey'
  | 'ErrorKeyMatch' // SelfSigned: the named key did not sign the CSR
  | 'SigningError';

export interface ProblemRow {
  /** Reason of the Ready condition. Failed is final; Pending goes on by itself when the cause is gone. */
  readonly ready: 'Pending' | 'Failed';
  /** Whether the InvalidRequest condition is set too: nothing but another request helps. */
  readonly invalidRequest: boolean;
  readonly eventType: 'Normal' | 'Warning';
}

const pending: ProblemRow = { ready: 'Pending', invalidRequest: false, eventType: 'Normal' };
const failed: ProblemRow = { ready: 'Failed', invalidRequest: false, eventType: 'Warning' };
const invalid: ProblemRow = { ready: 'Failed', invalidRequest: true, eventType: 'Warning' };

/** The one table from a problem to what the request's conditions say. */
export const problems: Readonly<Record<RequestProblem, ProblemRow>> = {
  InvalidRequest: invalid,
  IssuerNotFound: pending,
  IssuerTypeMissing: failed,
  IssuerTypeNotSupported: pending,
  IssuerNotReady: pending,
  AwaitingTrust: pending,
  MissingAnnotation: failed,
  MissingSecret: pending,
  ErrorGettingSecret: pending,
  ErrorParsingKey: pending,
  ErrorKeyMatch: failed,
  SigningError: failed,
};
