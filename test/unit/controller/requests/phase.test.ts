import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOpen, phaseOf } from '../../../../src/controller/requests/phase.ts';
import { condition, newRequest } from '../builders.ts';

const approved = condition('Approved', 'True', 'cert-manager.io');
const denied = condition('Denied', 'True', 'policy');

describe('where a request stands', () => {
  it("is to be decided upon, and no more, with another group's issuer", () => {
    const issuerRef = { name: 'a', group: 'awspca.cert-manager.io' };
    assert.equal(phaseOf(newRequest({ issuerRef })), 'foreign');
    const pending = condition('Ready', 'False', 'Pending');
    assert.equal(phaseOf(newRequest({ issuerRef, conditions: [pending] })), 'foreign');
    for (const decided of [
      condition('Approved', 'True', 'p'),
      condition('Denied', 'True', 'p'),
      condition('Ready', 'True', 'Issued'),
      condition('Ready', 'False', 'Failed'),
    ])
      assert.equal(phaseOf(newRequest({ issuerRef, conditions: [decided] })), 'not-ours');
  });

  it('is ours with the group left out, empty or named', () => {
    for (const group of [undefined, '', 'cert-manager.io']) {
      assert.equal(
        phaseOf(newRequest({ issuerRef: { name: 'a', ...(group !== undefined && { group }) } })),
        'unapproved',
      );
    }
  });

  it('is not ours while it is being deleted', () => {
    assert.equal(
      phaseOf(newRequest({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })),
      'not-ours',
    );
  });

  it('is unapproved, then approved', () => {
    assert.equal(phaseOf(newRequest()), 'unapproved');
    assert.equal(phaseOf(newRequest({ conditions: [condition('Approved', 'Unknown', '')] })), 'unapproved');
    assert.equal(phaseOf(newRequest({ conditions: [approved] })), 'approved');
    assert.equal(
      phaseOf(newRequest({ conditions: [approved, condition('Ready', 'False', 'Pending')] })),
      'approved',
    );
  });

  it('is denied until its Ready condition says so', () => {
    assert.equal(phaseOf(newRequest({ conditions: [denied] })), 'denied');
    assert.equal(
      phaseOf(newRequest({ conditions: [denied, condition('Ready', 'False', 'Pending')] })),
      'denied',
    );
    assert.equal(
      phaseOf(newRequest({ conditions: [denied, condition('Ready', 'False', 'Denied')] })),
      'final',
    );
  });

  it('is final once issued, failed, invalid, or holding a certificate', () => {
    assert.equal(
      phaseOf(newRequest({ conditions: [approved, condition('Ready', 'True', 'Issued')] })),
      'final',
    );
    assert.equal(phaseOf(newRequest({ conditions: [condition('Ready', 'False', 'Failed')] })), 'final');
    assert.equal(
      phaseOf(newRequest({ conditions: [approved, condition('InvalidRequest', 'True', 'x')] })),
      'final',
    );
    assert.equal(phaseOf(newRequest({ conditions: [approved], status: { certificate: 'x' } })), 'final');
  });

  it('is open while something may be left to do', () => {
    assert.equal(isOpen(newRequest()), true);
    assert.equal(isOpen(newRequest({ conditions: [approved] })), true);
    assert.equal(isOpen(newRequest({ conditions: [condition('Ready', 'False', 'Failed')] })), false);
  });
});
