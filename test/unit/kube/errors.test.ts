import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statusError } from '../../../src/kube/errors.ts';
import { isKubeError, KubeError } from '../../../src/kube/index.ts';

describe('the reason of an error', () => {
  for (const [reason, code, failure] of [
    ['NotFound', 404, 'not-found'],
    ['AlreadyExists', 409, 'already-exists'],
    ['Conflict', 409, 'conflict'],
    ['Forbidden', 403, 'forbidden'],
    ['Unauthorized', 401, 'unauthorized'],
    ['Invalid', 422, 'invalid'],
    ['Expired', 410, 'gone'],
    ['Gone', 410, 'gone'],
    ['ServerTimeout', 500, 'timeout'],
    ['InternalError', 500, 'internal'],
    ['', 429, 'too-many-requests'],
    ['', 418, 'bad-request'],
    ['Novel', 409, 'conflict'],
    ['', 599, 'internal'],
  ] as const) {
    it(`is ${failure} for ${code} ${reason}`, () => {
      assert.equal(statusError('GET /x', { reason, message: 'm' }, code).reason, failure);
    });
  }
});

describe('the wait that an error asks for', () => {
  it('is that of the header before that of the details', () => {
    const status = { details: { retryAfterSeconds: 2 } };
    assert.equal(statusError('GET /x', status, 429).retryAfterMs, 2_000);
    assert.equal(statusError('GET /x', status, 429, 5_000).retryAfterMs, 5_000);
    assert.equal(statusError('GET /x', undefined, 429).retryAfterMs, undefined);
  });
});

describe('isKubeError', () => {
  it('is for any reason, or for those given', () => {
    const error = new KubeError('conflict', 'm');
    assert.equal(isKubeError(error), true);
    assert.equal(isKubeError(error, 'not-found', 'conflict'), true);
    assert.equal(isKubeError(error, 'not-found'), false);
    assert.equal(isKubeError(new Error('m')), false);
  });
});
