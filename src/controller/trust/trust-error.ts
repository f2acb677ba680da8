/** Why something is not published or kept, and will not be by trying again. Closed. */
export type TrustFailure =
  | 'foreign' // there is an object of this name that somebody else wrote
  | 'invalid-name' // of a ClusterTrustBundle: it does not begin with its signer's
  | 'not-an-authority'
  | 'too-large';

export class TrustError extends Error {
  override readonly name = 'TrustError';
  readonly reason: TrustFailure;
  constructor(reason: TrustFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
