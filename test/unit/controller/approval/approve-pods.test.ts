import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import { approvePods } from '../../../../src/controller/approval/approve-pods.ts';
import type { ApprovalDecision } from '../../../../src/controller/approval/approver.ts';
import { noAltNames, type ParsedRequest, PkiError } from '../../../../src/pki/index.ts';
import { newRequest } from '../builders.ts';

const podName = 'authentication.kubernetes.io/pod-name';
const podUid = 'authentication.kubernetes.io/pod-uid';
const driverLabel = 'csi.certmount.io/driver';
const own = 'spiffe://cluster.local/ns/web/sa/app';
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'app-0', uid: 'pod-1' };

/** The driver's request with the token of pod `app-0` of service account `web/app`. */
function ofPod(
  spec: Partial<CertificateRequest['spec']> = {},
  metadata: CertificateRequest['metadata'] = {},
): CertificateRequest {
  return newRequest({
    username: 'system:serviceaccount:web:app',
    extra: { [podName]: ['app-0'], [podUid]: ['pod-1'] },
    metadata: { labels: { [driverLabel]: 'csi.certmount.io' }, ownerReferences: [owner], ...metadata },
    ...spec,
  });
}

const approver = approvePods({ driverLabel, trustDomain: 'cluster.local' });

function decide(request: CertificateRequest, uris: readonly string[] = [own]): Promise<ApprovalDecision> {
  const csr = { altNames: { ...noAltNames, uris } } as unknown as ParsedRequest;
  return approver.decide({ request, csr: () => csr });
}

async function denied(request: CertificateRequest, uris?: readonly string[]): Promise<string> {
  const decision = await decide(request, uris);
  assert.equal(decision.decision, 'deny');
  return decision.decision === 'deny' ? decision.message : '';
}

describe("approving what the driver asks for with a pod's token", () => {
  it('approves the identity of its service account, and other names', async () => {
    for (const uris of [[own], [], ['https://example.com/x'], [own, 'urn:x']]) {
      assert.deepEqual(await decide(ofPod(), uris), {
        decision: 'approve',
        reason: 'certmount.io',
        message: 'Certificate request has been approved by certmount.io',
      });
    }
  });

  it('leaves what is not of a service account, not of a pod, or not of the driver', async () => {
    for (const request of [
      ofPod({ username: 'kubernetes-admin' }),
      ofPod({ username: '' }),
      ofPod({ username: 'system:serviceaccount:web' }),
      ofPod({ username: 'system:serviceaccount:web:app:x' }),
      ofPod({ extra: {} }),
      ofPod({}, { labels: {} }),
    ]) {
      assert.deepEqual(await decide(request), { decision: 'leave' }, JSON.stringify(request));
    }
    const { extra: _, ...spec } = ofPod().spec;
    assert.deepEqual(await decide({ ...ofPod(), spec }), { decision: 'leave' });
  });

  it('denies any other identity, however it is spelt, also beside the own one', async () => {
    for (const uri of [
      'spiffe://cluster.local/ns/web/sa/admin',
      'spiffe://cluster.local/ns/web/sa/app2',
      'spiffe://cluster.local/ns/web/sa/app/x',
      'spiffe://cluster.local/ns/other/sa/app',
      'spiffe://example.org/ns/web/sa/app',
      'SPIFFE://cluster.local/ns/web/sa/app',
    ]) {
      assert.equal(
        await denied(ofPod(), [own, uri]),
        `${uri} is not the identity of the requester, which is ${own}`,
      );
    }
  });

  it('denies for another pod than the one that the token is bound to', async () => {
    for (const ownerReferences of [
      [],
      [{ ...owner, uid: 'pod-2' }],
      [{ ...owner, name: 'app-1' }],
      [{ ...owner, kind: 'Job' }],
      [{ ...owner, apiVersion: 'v2' }],
      [owner, { ...owner, name: 'app-1', uid: 'pod-2' }],
    ]) {
      assert.match(await denied(ofPod({}, { ownerReferences })), /must be pod app-0 with uid pod-1/);
    }
  });

  it('denies in another namespace than that of the service account', async () => {
    const message = await denied(ofPod({}, { namespace: 'other' }));
    assert.equal(message, 'the request is in namespace other, its requester in web');
  });

  it('denies a claim that is not one pod', async () => {
    for (const [extra, key] of [
      [{ [podName]: ['app-0', 'x'], [podUid]: ['pod-1'] }, podName],
      [{ [podUid]: ['pod-1'] }, podName],
      [{ [podName]: ['app-0'] }, podUid],
      [{ [podName]: ['app-0'], [podUid]: [''] }, podUid],
    ] satisfies [Record<string, string[]>, string][]) {
      const message = await denied(ofPod({ extra }));
      assert.match(message, new RegExp(`^spec\\.extra\\["${key}"\\] must hold exactly one pod`));
    }
  });

  it('denies a CA', async () => {
    assert.match(await denied(ofPod({ isCA: true })), /spec\.isCA must be false/);
  });

  it('leaves a CSR that cannot be read to the check that follows', async () => {
    const csr = (): never => {
      throw new PkiError('malformed', 'not a CSR');
    };
    assert.equal((await approver.decide({ request: ofPod(), csr })).decision, 'approve');
  });
});
