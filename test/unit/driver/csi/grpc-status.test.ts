import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { toGrpcFailure } from '../../../../src/driver/csi/grpc-status.ts';
import {
  isRetried,
  toVolumeError,
  VolumeError,
  type VolumeFailure,
} from '../../../../src/driver/volume/volume-error.ts';

const expected: Record<VolumeFailure, status> = {
  'invalid-request': status.INVALID_ARGUMENT,
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
/** pkg/volume/csi/csi_client.go, isFinalError. */
const notFinal = [
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
];

describe('the gRPC code of a failure', () => {
  for (const [reason, code] of Object.entries(expected) as [VolumeFailure, status][]) {
    it(`${reason} is ${status[code]}, which the kubelet takes as ${isRetried(reason) ? 'not finished' : 'final'}`, () => {
      assert.deepEqual(toGrpcFailure(new VolumeError(reason, 'message')), { code, details: 'message' });
      // What is kept for the next call, and what the kubelet calls again for, must be the same.
      assert.equal(isRetried(reason), notFinal.includes(code));
    });
  }

  it('of an error that nobody foresaw tells nothing of it', () => {
    const { code, details } = toGrpcFailure(new TypeError('secret'));
    assert.equal(code, status.INTERNAL);
    assert.doesNotMatch(details, /secret/);
    assert.equal(toGrpcFailure('x').code, status.INTERNAL);
  });

  it('never has the cause', () => {
    const error = new VolumeError('denied', 'no', { cause: new Error('secret') });
    assert.equal(JSON.stringify(toGrpcFailure(error)).includes('secret'), false);
  });

  it('has details that fit into a header', () => {
    assert.equal(toGrpcFailure(new VolumeError('denied', 'ä'.repeat(100_000))).details.length, 4_096);
  });
});

describe('an error of the system', () => {
  it('is no-space when there is no room, else what it was for', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      assert.equal(
        toVolumeError(Object.assign(new Error('x'), { code }), 'mount-failed', 'doing').reason,
        'no-space',
      );
    }
    const error = toVolumeError(new Error('x'), 'mount-failed', 'doing');
    assert.deepEqual([error.reason, error.message], ['mount-failed', 'doing: x']);
    assert.equal(toVolumeError(error, 'denied', 'other'), error);
    assert.equal(toVolumeError('text', 'mount-failed', 'doing').message, 'doing: text');
  });
});
