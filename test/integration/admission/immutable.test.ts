import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';

const annotations = {
  'cert-manager.io/certificate-name': 'web',
  'acme.cert-manager.io/http01-edit-in-place': 'true',
  'example.com/owner': 'team',
};

describe('a request after its creation', { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  let editor: KubeClient;
  let request: CertificateRequest;

  before(async () => {
    world = await AdmissionWorld.start();
    const resources = ['certificaterequests', 'certificaterequests/status'];
    const verbs = ['create', 'get', 'update', 'patch'];
    await world.grant('editor', ['editor'], [{ apiGroups: ['cert-manager.io'], resources, verbs }]);
    editor = await world.client({ user: 'editor' });
  });
  after(() => world?.stop());

  for (const mutating of [false, true]) {
    describe(mutating ? 'where the API server fills in who asked' : 'where clients fill that in', () => {
      before(async () => {
        if (mutating) await world.fillIdentities();
        request = await world.request(editor, { annotations, duration: '24h', usages: ['client auth'] });
      });

      it('keeps its spec', async () => {
        const anew = Buffer.from('another').toString('base64');
        for (const change of [
          { request: anew },
          { issuerRef: { name: 'another' } },
          { issuerRef: { kind: 'ClusterIssuer' } },
          { isCA: true },
          { duration: '8760h' },
          { duration: null },
          { usages: ['server auth'] },
          { username: 'system:admin' },
          { groups: ['system:masters'] },
          { extra: { 'authentication.kubernetes.io/node-name': ['node-a'] } },
        ])
          await assertRefused({ spec: change }, 'cannot change spec after creation');
      });

      it('keeps the annotations of cert-manager: none is changed, removed or added', async () => {
        for (const change of [
          { 'cert-manager.io/certificate-name': 'another' },
          { 'cert-manager.io/certificate-name': null },
          { 'cert-manager.io/private-key-secret-name': 'stolen' },
          { 'acme.cert-manager.io/http01-edit-in-place': 'false' },
          { 'acme.cert-manager.io/http01-edit-in-place': null },
          { 'acme.cert-manager.io/http01-ingress-class': 'nginx' },
        ]) {
          const expected = `cannot change cert-manager annotation after creation: ${Object.keys(change).join()}`;
          await assertRefused({ metadata: { annotations: change } }, expected);
        }
        const all = { metadata: { annotations: null } };
        await assertRefused(all, 'cannot change cert-manager annotation after creation');
      });

      it('keeps the labels by which drivers find their requests', async () => {
        for (const label of ['csi.certmount.io/node', 'csi.certmount.io/driver', 'csi.certmount.io/volume'])
          await assertRefused(
            { metadata: { labels: { [label]: 'node-a' } } },
            `cannot change label of csi.certmount.io after creation: ${label}`,
          );
      });

      it('loses none of that by an update of its status', async () => {
        const forged = {
          spec: { isCA: true },
          metadata: { annotations: { 'cert-manager.io/certificate-name': 'another' } },
        };
        const after = await world.patch(editor, request, forged, 'status');
        assert.deepEqual(after.spec, request.spec);
        assert.deepEqual(after.metadata.annotations, annotations);
      });

      it('takes other annotations, labels and owners', async () => {
        const owner = { apiVersion: 'v1', kind: 'Pod', name: 'app', uid: 'pod-1' };
        for (const metadata of [
          { annotations: { 'example.com/owner': 'another', 'csi.certmount.io/x': 'y' } },
          { annotations: { 'not-cert-manager.io/x': 'y', 'venafi.cert-manager.io/pickup-id': '1' } },
          { labels: { team: 'web' } },
          { ownerReferences: [owner] },
        ])
          assert.equal(await refusal(world.patch(editor, request, { metadata })), undefined);
      });
    });
  }

  async function assertRefused(change: object, expected: string): Promise<void> {
    const said = (await refusal(world.patch(editor, request, change))) ?? 'nothing';
    assert.ok(said.includes(expected), `${JSON.stringify(change)}: ${said}`);
  }
});
