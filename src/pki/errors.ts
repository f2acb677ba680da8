/** Why a PKI operation was refused. Closed: whoever maps it to a status or a condition needs a row for each. */
export type PkiFailure =
  | 'invalid-key' // the key is unreadable, or of a kind or size that is not served
  | 'invalid-name' // a subject or subject alternative name that a certificate cannot carry
  | 'invalid-template' // what was asked for contradicts itself or RFC 5280
  | 'too-large' // refused by its size before anything was decoded
  | 'malformed' // not PEM, not DER, or not the structure that it should be
  | 'unsupported' // well formed, but of a version or algorithm that is not served
  | 'bad-signature' // the signature does not verify
  | 'not-a-chain' // the certificates do not form exactly one chain
  | 'not-valid-now' // before notBefore or after notAfter
  | 'not-an-authority' // an issuer in the chain may not issue: CA flag, key usage, path length or name constraints
  | 'untrusted' // no trust anchor issued it
  | 'invalid-spiffe-id' // against the SPIFFE-ID standard
  | 'invalid-svid' // against the X.509-SVID standard
  | 'invalid-keystore'; // a password, alias or content that a key store cannot carry

export class PkiError extends Error {
  readonly reason: PkiFailure;

  constructor(reason: PkiFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PkiError';
    this.reason = reason;
  }
}

export function isPkiError(error: unknown, ...reasons: PkiFailure[]): error is PkiError {
  return error instanceof PkiError && (reasons.length === 0 || reasons.includes(error.reason));
}
