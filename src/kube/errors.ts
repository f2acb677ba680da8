/** Why a call to the API server failed. Closed: what the server says is mapped by {@link failureOfReason}. */
export type KubeFailure =
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'forbidden'
  | 'unauthorized'
  | 'invalid'
  | 'bad-request'
  | 'gone' // the resourceVersion or continue token is too old: list again
  | 'too-many-requests'
  | 'timeout' // ours or the server's; whether the call took effect is unknown
  | 'unavailable' // no connection, or a server that is not ready
  | 'aborted' // by the caller's signal, whose reason is the cause
  | 'internal';

/** `details` of a meta/v1 Status, as far as callers use it. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly {
    readonly reason?: string;
    readonly message?: string;
    readonly field?: string;
  }[];
}

/** A meta/v1 Status, what the API server answers when it does not answer with an object. */
export interface Status {
  readonly kind?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: StatusDetails;
}

export interface KubeErrorOptions extends ErrorOptions {
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly details?: StatusDetails | undefined;
}

/** A failed call. The message has the method, the path and what the API server said; never a header or a body. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly reason: KubeFailure;
  /** HTTP status, undefined when there was no answer. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly details: StatusDetails | undefined;

  constructor(reason: KubeFailure, message: string, options: KubeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }
}

/** True for a KubeError, with reasons given only for one of these. */
export function isKubeError(error: unknown, ...reasons: KubeFailure[]): error is KubeError {
  return error instanceof KubeError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** True for a write whose object is gone, or has changed since it was read: the change itself is told of by the watch. */
export function isOutdated(error: unknown): boolean {
  return isKubeError(error, 'conflict', 'not-found');
}

/** True when the object of the call is not there; not when the server does not know of its kind. */
export function isObjectMissing(error: unknown): boolean {
  return isKubeError(error, 'not-found') && error.details?.name !== undefined;
}

const failureOfReason: Readonly<Record<string, KubeFailure>> = {
  NotFound: 'not-found',
  AlreadyExists: 'already-exists',
  Conflict: 'conflict',
  Forbidden: 'forbidden',
  Unauthorized: 'unauthorized',
  Invalid: 'invalid',
  BadRequest: 'bad-request',
  MethodNotAllowed: 'bad-request',
  NotAcceptable: 'bad-request',
  UnsupportedMediaType: 'bad-request',
  RequestEntityTooLarge: 'bad-request',
  Gone: 'gone',
  Expired: 'gone',
  TooManyRequests: 'too-many-requests',
  Timeout: 'timeout',
  ServerTimeout: 'timeout',
  ServiceUnavailable: 'unavailable',
  StoreReadError: 'internal',
  InternalError: 'internal',
};

const failureOfCode: Readonly<Record<number, KubeFailure>> = {
  400: 'bad-request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'bad-request',
  406: 'bad-request',
  408: 'timeout',
  409: 'conflict',
  410: 'gone',
  413: 'bad-request',
  415: 'bad-request',
  422: 'invalid',
  429: 'too-many-requests',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
};

/**
 * The error that a Status tells of.
 *
 * @param call method and path, for the message
 * @param code HTTP status; for an ERROR event of a watch the Status has its own
 * @param retryAfterMs from the Retry-After header, which leads over the Status
 */
export function statusError(
  call: string,
  status: Status | undefined,
  code: number,
  retryAfterMs?: number,
): KubeError {
  const reason =
    failureOfReason[status?.reason ?? ''] ??
    failureOfCode[code] ??
    (code < 500 && code >= 400 ? 'bad-request' : 'internal');
  const said = [status?.reason, status?.message]
    .filter((text) => text !== undefined && text !== '')
    .join(': ');
  const seconds = status?.details?.retryAfterSeconds;
  return new KubeError(reason, `${call}: ${code}${said === '' ? '' : ` ${said}`}`, {
    status: code,
    retryAfterMs: retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000),
    details: status?.details,
  });
}
