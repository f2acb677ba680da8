import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approveOthers } from '../../../../src/controller/approval/approve-others.ts';
import { newRequest } from '../builders.ts';

const csr = (): never => assert.fail('the CSR is not looked at');

describe('--approve-all', () => {
  const decide = async (options: Parameters<typeof newRequest>[0], hasPolicies = false): Promise<string> => {
    const approver = approveOthers(() => hasPolicies, { decided: () => {} });
    return (await approver.decide({ request: newRequest(options), csr })).decision;
  };

  it('approves what no policy is about', async () => {
    assert.equal(await decide({ username: 'jane' }, true), 'approve');
    assert.equal(await decide({ username: '' }), 'approve', 'without policies, whoever asks');
  });

  it('approves nothing of nobody where policies say who may have what', async () => {
    assert.equal(await decide({ username: '' }, true), 'leave');
  });

  it("approves nothing that another group's issuer signs", async () => {
    assert.equal(await decide({ issuerRef: { name: 'a', group: 'other.io' }, username: 'jane' }), 'leave');
  });
});
