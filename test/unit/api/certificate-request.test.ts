import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { isApproved, isDenied } from '../../../src/api/certificate-request.ts';
import type { Condition } from '../../../src/api/condition.ts';

function request(...conditions: Condition[]): CertificateRequest {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: { request: 'UEVN', issuerRef: { name: 'ca' } },
    status: { conditions },
  };
}

const is = (type: string): Condition => ({ type, status: 'True' });

describe('a CertificateRequest', () => {
  it('is approved or denied by its conditions', () => {
    assert.ok(isApproved(request(is('Approved'))));
    assert.ok(!isApproved(request()));
    assert.ok(isDenied(request(is('Denied'))));
    assert.ok(!isDenied(request(is('Approved'))));
  });
});
