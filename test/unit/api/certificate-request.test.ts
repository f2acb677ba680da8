import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { isApproved, isDenied, isFinal } from '../../../src/api/certificate-request.ts';
import type { Condition, ConditionStatus } from '../../../src/api/condition.ts';

function request(...conditions: Condition[]): CertificateRequest {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: { request: 'UEVN', issuerRef: { name: 'ca' } },
    status: { conditions },
  };
}

const ready = (status: ConditionStatus, reason: string): Condition => ({ type: 'Ready', status, reason });
const is = (type: string): Condition => ({ type, status: 'True' });

describe('a CertificateRequest', () => {
  it('is approved or denied by its conditions', () => {
    assert.ok(isApproved(request(is('Approved'))));
    assert.ok(!isApproved(request()));
    assert.ok(isDenied(request(is('Denied'))));
    assert.ok(!isDenied(request(is('Approved'))));
  });

  it('is final once it is issued, failed, denied or found invalid', () => {
    assert.ok(isFinal(request(ready('True', 'Issued'))));
    assert.ok(isFinal(request(ready('False', 'Failed'))));
    assert.ok(isFinal(request(ready('False', 'Denied'))));
    assert.ok(isFinal(request(is('Denied'))));
    assert.ok(isFinal(request(is('InvalidRequest'))));
  });

  it('is not final while it waits', () => {
    assert.ok(!isFinal(request()));
    assert.ok(!isFinal(request(is('Approved'), ready('False', 'Pending'))));
    assert.ok(!isFinal({ metadata: {}, spec: { request: '', issuerRef: { name: 'ca' } } }));
  });
});
