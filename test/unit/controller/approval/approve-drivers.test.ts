import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approveDrivers } from '../../../../src/controller/approval/approve-drivers.ts';
import type { ApprovalDecision } from '../../../../src/controller/approval/approver.ts';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import { noAltNames, type ParsedRequest, PkiError } from '../../../../src/pki/index.ts';
import { driver, newRequest } from '../builders.ts';

const nodeLabel = 'csi.certmount.io/node';
const nodeName = 'authentication.kubernetes.io/node-name';

const trustDomain = 'cluster.local';

function decide(request: CertificateRequest, uris: readonly string[] = []): Promise<ApprovalDecision> {
  const approver = approveDrivers({ serviceAccounts: [driver], nodeLabel, trustDomain });
  return approver.decide({
    request,
    csr: () => ({ altNames: { ...noAltNames, uris } }) as unknown as ParsedRequest,
  });
}

describe('approving what the drivers ask for', () => {
  it("approves a driver's request", async () => {
    assert.deepEqual(await decide(newRequest()), {
      decision: 'approve',
      reason: 'certmount.io',
      message: 'Certificate request has been approved by certmount.io',
    });
  });

  it("leaves everybody else's to other approvers", async () => {
    for (const username of ['system:serviceaccount:web:app', 'kubernetes-admin', `${driver}-2`, '']) {
      assert.deepEqual(await decide(newRequest({ username })), { decision: 'leave' }, username);
    }
    const { username: _, ...spec } = newRequest().spec;
    assert.deepEqual(await decide({ ...newRequest(), spec }), { decision: 'leave' });
  });

  it('approves for the node that the credentials are bound to', async () => {
    const request = newRequest({ extra: { [nodeName]: ['a'] }, metadata: { labels: { [nodeLabel]: 'a' } } });
    assert.equal((await decide(request)).decision, 'approve');
  });

  it('denies for another node', async () => {
    const request = newRequest({ extra: { [nodeName]: ['a'] }, metadata: { labels: { [nodeLabel]: 'b' } } });
    assert.deepEqual(await decide(request), {
      decision: 'deny',
      reason: 'certmount.io',
      message: `label ${nodeLabel} is "b", but the requester's credentials are bound to node "a"`,
    });
  });

  it('cannot compare a node name that does not fit a label', async () => {
    const long = 'n'.repeat(64);
    const request = newRequest({
      extra: { [nodeName]: [long] },
      metadata: { labels: { [nodeLabel]: 'digest' } },
    });
    assert.equal((await decide(request)).decision, 'approve');
  });

  it('denies a claim that is not one node', async () => {
    for (const values of [[], [''], ['a', 'b']]) {
      const decision = await decide(newRequest({ extra: { [nodeName]: values } }));
      assert.equal(decision.decision, 'deny', JSON.stringify(values));
      assert.match(decision.decision === 'deny' ? decision.message : '', /exactly one node name/);
    }
  });

  it('approves SPIFFE IDs of the namespace of the request, and other URIs', async () => {
    const request = newRequest();
    const own = `spiffe://cluster.local/ns/${request.metadata.namespace}/sa/app`;
    for (const uris of [[own], ['https://example.com/x'], []]) {
      assert.equal((await decide(request, uris)).decision, 'approve', uris.join());
    }
  });

  it('denies SPIFFE IDs of other namespaces and trust domains, however they are spelt', async () => {
    const ns = newRequest().metadata.namespace;
    for (const uri of [
      'spiffe://cluster.local/ns/other/sa/app',
      `spiffe://cluster.local.evil/ns/${ns}/sa/app`,
      `spiffe://example.org/ns/${ns}/sa/app`,
      `spiffe://cluster.local/ns/${ns}-2/sa/app`,
      'SPIFFE://cluster.local/ns/other/sa/app',
      'spiffe://cluster.local',
    ]) {
      assert.deepEqual(await decide(newRequest(), [uri]), {
        decision: 'deny',
        reason: 'certmount.io',
        message: `${uri} is not an identity of namespace ${ns} in the trust domain cluster.local`,
      });
    }
  });

  it('leaves a CSR that cannot be read to the check that follows', async () => {
    const approver = approveDrivers({ serviceAccounts: [driver], nodeLabel, trustDomain });
    const csr = (): never => {
      throw new PkiError('malformed', 'not a CSR');
    };
    assert.equal((await approver.decide({ request: newRequest(), csr })).decision, 'approve');
  });
});
