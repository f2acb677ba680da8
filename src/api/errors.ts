/** Why a value of the API could not be understood. Closed. */
export type ApiFailure =
  | 'invalid-duration' // not in Go's syntax, or beyond what its 64 bits of nanoseconds hold
  | 'unknown-usage'; // not one of the names in usages.ts

/** A field of an object holds what the CRD could not refuse, or an attribute what the API has no word for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: ApiFailure;
  constructor(reason: ApiFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}
