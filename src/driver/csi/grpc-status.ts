import { status } from '@grpc/grpc-js';
import { VolumeError, type VolumeFailure } from '../volume/volume-error.ts';

/**
 * One row a failure. The kubelet takes ABORTED, CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED and UNAVAILABLE as "not
 * finished" and calls again; after any other code it forgets the volume: isRetried in volume-error.ts says the same.
 */
const codes: Record<VolumeFailure, status> = {
  'invalid-request': status.INVALID_ARGUMENT,
  // CSI NodePublishVolume: what a volume for one publish at a time answers to a second path.
  'published-elsewhere': status.FAILED_PRECONDITION,
  'invalid-attribute': status.INVALID_ARGUMENT,
  busy: status.ABORTED,
  denied: status.PERMISSION_DENIED,
  'issuance-failed': status.FAILED_PRECONDITION,
  'issued-wrong': status.INTERNAL,
  'not-issued-yet': status.DEADLINE_EXCEEDED,
  'api-unavailable': status.UNAVAILABLE,
  'api-refused': status.FAILED_PRECONDITION,
  'no-space': status.RESOURCE_EXHAUSTED,
  'mount-failed': status.INTERNAL,
  'not-found': status.NOT_FOUND,
  cancelled: status.CANCELLED,
  'shutting-down': status.UNAVAILABLE,
};

/** The status travels in an HTTP/2 header, percent-encoded; issuers and approvers write as much as they like. */
const longestDetails = 4_096;

export interface GrpcFailure {
  readonly code: status;
  readonly details: string;
}

/** What goes over the wire: a message for people, never a cause or a stack. */
export function toGrpcFailure(error: unknown): GrpcFailure {
  if (error instanceof VolumeError) return { code: codes[error.reason], details: clip(error.message) };
  return { code: status.INTERNAL, details: 'the driver failed in a way that it does not know; see its log' };
}

function clip(text: string): string {
  return text.length <= longestDetails ? text : `${text.slice(0, longestDetails - 1)}…`;
}
