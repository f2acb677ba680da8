/** Why a call on a volume failed. Closed: a new reason needs a row in the table of gRPC codes (csi/grpc-status.ts). */
export type VolumeFailure =
  | 'invalid-request' // the call itself is wrong: a bug of its sender
  | 'published-elsewhere' // the volume has another target path
  | 'invalid-attribute' // the pod spec is wrong; only its author can mend it
  | 'busy' // another call works on this volume
  | 'denied' // an approver said no
  | 'issuance-failed' // the issuer said no
  | 'issued-wrong' // the issuer returned something that was not asked for
  | 'not-issued-yet' // the request stands and is taken up by the next call
  | 'api-unavailable' // the API server cannot be reached or is overloaded
  | 'api-refused' // the API server refuses the request: permissions, admission, a missing resource type
  | 'no-space' // the node has no room for the volume or its state
  | 'mount-failed'
  | 'not-found' // no such volume here
  | 'cancelled' // the caller went away
  | 'shutting-down';

/** The message is for the person who can act; the cause is for the log and never crosses the wire. */
export class VolumeError extends Error {
  readonly reason: VolumeFailure;

  constructor(reason: VolumeFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VolumeError';
    this.reason = reason;
  }
}

/**
 * Whether the same call may go on later with what this one has left (mount, key, request).
 * The kubelet takes exactly the codes of these reasons as "not finished"; after any other it forgets the volume, so that
 * nothing of it may stay behind.
 */
export function isRetried(failure: VolumeFailure): boolean {
  return retried.has(failure);
}

const retried: ReadonlySet<VolumeFailure> = new Set<VolumeFailure>([
  'busy',
  'not-issued-yet',
  'api-unavailable',
  'no-space',
  'cancelled',
  'shutting-down',
]);

export function toVolumeError(error: unknown, reason: VolumeFailure, doing: string): VolumeError {
  if (error instanceof VolumeError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new VolumeError('no-space', `${doing}: no space left`, { cause: error });
  }
  return new VolumeError(reason, `${doing}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
