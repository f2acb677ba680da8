/** Why a request is not for the pod that it says. Closed: it is a metric's label. */
export const proofFailures = [
  'no-claim', // the requester's credentials are not bound to what they must be bound to
  'malformed-claim',
  'label-mismatch', // the request says another node than the credentials
  'no-owner', // not exactly one pod owns the request
  'foreign-namespace',
  'node-replaced', // another node has taken the name of the one that the credentials are bound to
  'pod-absent',
  'pod-replaced', // another pod has taken its name
  'pod-finished',
  'pod-elsewhere', // on another node than the requester, or on none yet
  'no-account', // a static pod, which is its node's word alone
  'foreign-account',
  'unreadable', // the certificate signing request
] as const;

export type ProofFailure = (typeof proofFailures)[number];

/** The message is for the person who made the request: what was expected, and what is there instead. */
export interface Unproven {
  readonly proven: false;
  readonly failure: ProofFailure;
  readonly message: string;
}

export function unproven(failure: ProofFailure, message: string): Unproven {
  return { proven: false, failure, message };
}
