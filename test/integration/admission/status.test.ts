import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import type { Condition } from '../../../src/api/condition.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';
import {
  approved,
  conditions,
  denied,
  invalid,
  pending,
  ready,
  signers,
  statusRules,
} from './support/decisions.ts';

const certificate = Buffer.from('certificate').toString('base64');
const forged = Buffer.from('forged').toString('base64');
const failureTime = '2026-01-01T00:00:00Z';
const kinds = ['issuers.cert-manager.io/*', 'clusterissuers.cert-manager.io/*'];

describe('what became of a request', { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  let mallory: KubeClient;
  let approver: KubeClient;
  let ofWebCa: KubeClient;
  let ofClusterCa: KubeClient;
  let certmount: KubeClient;
  let certManager: KubeClient;

  before(async () => {
    world = await AdmissionWorld.start();
    await world.grant('mallory', ['mallory'], statusRules);
    // The other verb, the other group: neither makes a signer.
    await world.grant(
      'approver',
      ['approver'],
      [
        ...statusRules,
        signers('cert-manager.io', 'approve', ...kinds),
        signers('cert-manager.io', 'sign', ...kinds),
        signers('certificates.k8s.io', 'approve', ...kinds),
      ],
    );
    const sign = (name: string): object => signers('certificates.k8s.io', 'sign', name);
    await world.grant('of-web-ca', ['of-web-ca'], [...statusRules, sign('issuers.cert-manager.io/web.ca')]);
    await world.grant(
      'of-cluster-ca',
      ['of-cluster-ca'],
      [...statusRules, sign('clusterissuers.cert-manager.io/ca')],
    );
    await installCertManagerRoles(world);
    mallory = await world.client({ user: 'mallory' });
    approver = await world.client({ user: 'approver' });
    ofWebCa = await world.client({ user: 'of-web-ca' });
    ofClusterCa = await world.client({ user: 'of-cluster-ca' });
    const account = (namespace: string, name: string) => ({ serviceAccount: { namespace, name } });
    certmount = await world.client(account('certmount', 'certmount-controller'));
    certManager = await world.client(account('cert-manager', 'cert-manager'));
  });
  after(() => world?.stop());

  for (const mutating of [false, true]) {
    describe(mutating ? 'where the API server fills in who asked' : 'where clients fill that in', () => {
      before(async () => {
        if (mutating) await world.fillIdentities();
      });

      it('is not said by who may write the status, or approve, alone', async () => {
        for (const [client, user] of [
          [mallory, 'mallory'],
          [approver, 'approver'],
        ] as const) {
          for (const [change, field] of [
            [{ status: { certificate: forged } }, 'certificate'],
            [{ status: { ca: forged } }, 'ca'],
            [{ status: { failureTime } }, 'failureTime'],
            [conditions(ready), 'Ready'],
            [conditions(pending), 'Ready'],
            [conditions(invalid), 'InvalidRequest'],
            [{ status: { certificate: forged, ...conditions(ready).status } }, 'certificate, Ready'],
          ] as const) {
            const request = await world.request(world.admin);
            const expected =
              `user "${user}" may not change ${field}: needs the verb sign on signers of certificates.k8s.io, ` +
              'resource name issuers.cert-manager.io/web.ca';
            assertSaid(await refusal(world.patch(client, request, change, 'status')), expected);
          }
        }
      });

      it('is said by who may sign for this issuer, and for no other', async () => {
        const clusterIssuer = { name: 'ca', kind: 'ClusterIssuer' };
        for (const [client, options, needed] of [
          [ofWebCa, { issuerRef: { name: 'another' } }, 'issuers.cert-manager.io/web.another'],
          [ofWebCa, { namespace: 'store' }, 'issuers.cert-manager.io/store.ca'],
          [ofWebCa, { issuerRef: clusterIssuer }, 'clusterissuers.cert-manager.io/ca'],
          [ofClusterCa, {}, 'issuers.cert-manager.io/web.ca'],
        ] as const) {
          const request = await world.request(world.admin, options);
          assertSaid(await refusal(issue(client, request)), `resource name ${needed}`);
        }
        await issue(ofWebCa, await world.request(world.admin, { issuerRef: { name: 'ca', kind: 'Issuer' } }));
        await issue(ofWebCa, await world.request(world.admin));
        await issue(ofClusterCa, await world.request(world.admin, { issuerRef: clusterIssuer }));
      });

      it('is not changed or cleared afterwards by who may not sign', async () => {
        const issued = await issue(ofWebCa, await world.request(world.admin));
        for (const change of [
          { status: { certificate: forged } },
          { status: { ca: forged } },
          { status: null },
          conditions(),
          conditions({ ...ready, message: 'another' }),
        ])
          assertSaid(await refusal(world.patch(approver, issued, change, 'status')), 'may not change');
      });

      it('holds for good once it is issued, whoever writes', async () => {
        const issued = await issue(ofWebCa, await world.request(world.admin));
        for (const client of [ofWebCa, certManager, world.admin]) {
          for (const change of [
            { status: { certificate: forged } },
            { status: { certificate: null } },
            conditions(),
            conditions({ ...ready, status: 'False', reason: 'Failed' }),
            { status: null },
          ])
            assertSaid(
              await refusal(world.patch(client, issued, change, 'status')),
              'a certificate is not replaced or taken back once it is issued',
            );
        }
        const roots = world.patch(ofWebCa, issued, { status: { ca: certificate } }, 'status');
        assert.equal(await refusal(roots), undefined);
      });

      it('lets approvers decide beside it, in whatever order', async () => {
        const waiting = await world.request(world.admin);
        await world.patch(ofWebCa, waiting, conditions(pending), 'status');
        const decided = world.patch(approver, waiting, conditions(approved, pending), 'status');
        assert.equal(await refusal(decided), undefined);
      });

      it("is said by certmount's and by cert-manager's controller with the roles that they are installed with", async () => {
        for (const client of [certmount, certManager]) {
          for (const issuerRef of [{ name: 'ca' }, { name: 'ca', kind: 'ClusterIssuer' }]) {
            // Approved and issued in one write, and in several.
            const atOnce = await world.request(world.admin, { issuerRef });
            await issue(client, atOnce, approved, ready);
            const inSteps = await world.request(world.admin, { issuerRef });
            await put(client, inSteps, conditions(approved).status);
            await put(client, inSteps, conditions(approved, pending).status);
            await issue(client, inSteps, approved, ready);
            const refused = await world.request(world.admin, { issuerRef });
            const failed = { ...pending, reason: 'Denied' };
            await put(client, refused, { ...conditions(denied, failed).status, failureTime });
          }
        }
      });

      it('is said by whom RBAC lets for issuers of other groups, but not taken back', async () => {
        const issuerRef = { name: 'ca', kind: 'StepIssuer', group: 'certmanager.step.sm' };
        const issued = await issue(mallory, await world.request(world.admin, { issuerRef }));
        const replaced = world.patch(mallory, issued, { status: { certificate: forged } }, 'status');
        assertSaid(await refusal(replaced), 'a certificate is not replaced');
      });
    });
  }

  function issue(
    client: KubeClient,
    request: CertificateRequest,
    ...all: readonly Condition[]
  ): Promise<CertificateRequest> {
    const { status } = conditions(...(all.length > 0 ? all : [ready]));
    return put(client, request, { ...status, certificate, ca: certificate });
  }

  /** Of the newest version, as controllers write a status. */
  async function put(
    client: KubeClient,
    { metadata }: CertificateRequest,
    status: CertificateRequest['status'],
  ): Promise<CertificateRequest> {
    const { name = '', namespace = '' } = metadata;
    const newest = await world.admin.resource(certificateRequests).get({ namespace, name });
    return client.resource(certificateRequests).replaceStatus({ ...newest, ...(status && { status }) });
  }
});

/** Of cert-manager's chart: cert-manager-controller-approve:cert-manager-io and -certificatesigningrequests, as far as needed here. */
async function installCertManagerRoles(world: AdmissionWorld): Promise<void> {
  const account = { namespace: 'cert-manager', name: 'cert-manager' };
  await world.cluster.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: account.namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
  ]);
  const resources = ['certificaterequests', 'certificaterequests/status'];
  await world.grant(
    'cert-manager-controller',
    ['cert-manager/cert-manager'],
    [
      { apiGroups: ['cert-manager.io'], resources, verbs: ['update', 'patch'] },
      signers('cert-manager.io', 'approve', ...kinds),
      signers('certificates.k8s.io', 'sign', ...kinds),
    ],
  );
}

function assertSaid(said: string | undefined, expected: string): void {
  assert.ok(said?.includes(expected), `${said} instead of ${expected}`);
}
