import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approveEverything } from '../../../../src/controller/approval/approve-everything.ts';
import type { Approver } from '../../../../src/controller/approval/approver.ts';
import { firstDecision } from '../../../../src/controller/approval/first-decision.ts';
import { newRequest } from '../builders.ts';

const subject = { request: newRequest(), csr: () => assert.fail('the CSR is not needed') };
const leave: Approver = { decide: () => Promise.resolve({ decision: 'leave' }) };
const deny: Approver = {
  decide: () => Promise.resolve({ decision: 'deny', reason: 'policy', message: 'no' }),
};

describe('several approvers', () => {
  it('takes the first that decides', async () => {
    const approver = firstDecision([leave, deny, approveEverything]);
    assert.deepEqual(await approver.decide(subject), { decision: 'deny', reason: 'policy', message: 'no' });
  });

  it('leaves what nobody decides', async () => {
    assert.deepEqual(await firstDecision([leave, leave]).decide(subject), { decision: 'leave' });
  });

  it("approves everything with cert-manager's words", async () => {
    assert.deepEqual(await firstDecision([leave, approveEverything]).decide(subject), {
      decision: 'approve',
      reason: 'cert-manager.io',
      message: 'Certificate request has been approved by cert-manager.io',
    });
  });
});
