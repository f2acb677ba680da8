import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CertificateRequestSpec } from '../../../src/api/certificate-request.ts';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import type { Condition } from '../../../src/api/condition.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { condition } from '../../unit/controller/builders.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';
import { approved, conditions, denied, pending, signers, statusRules } from './support/decisions.ts';

type IssuerRef = CertificateRequestSpec['issuerRef'];

/** Who may approve, by the resource names that they are granted. */
const approvers = {
  'of-all-issuers': ['issuers.cert-manager.io/*'],
  'of-all-cluster-issuers': ['clusterissuers.cert-manager.io/*'],
  'of-web-ca': ['issuers.cert-manager.io/web.ca'],
  'of-cluster-ca': ['clusterissuers.cert-manager.io/ca'],
  'of-others': ['awspcaissuers.awspca.cert-manager.io/*'],
  'of-other-web-ca': ['awspcaissuers.awspca.cert-manager.io/web.ca'],
  'of-other-cluster-ca': ['awspcaclusterissuers.awspca.cert-manager.io/ca'],
  'of-other-cluster-web-ca': ['awspcaclusterissuers.awspca.cert-manager.io/web.ca'],
} as const;
type Approver = keyof typeof approvers;

const clusterIssuer: IssuerRef = { name: 'ca', kind: 'ClusterIssuer' };
const other = { kind: 'AWSPCAIssuer', group: 'awspca.cert-manager.io' };
const otherCluster = { kind: 'AWSPCAClusterIssuer', group: 'awspca.cert-manager.io' };

describe('a decision on a request', { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  const clients = new Map<string, KubeClient>();

  before(async () => {
    world = await AdmissionWorld.start();
    for (const [user, names] of Object.entries(approvers)) {
      await world.grant(user, [user], [...statusRules, signers('cert-manager.io', 'approve', ...names)]);
      clients.set(user, await world.client({ user }));
    }
    await world.grant('mallory', ['mallory'], statusRules);
    const verbs = ['create', 'get', 'update', 'patch', 'delete'];
    const requests = { apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs };
    await world.grant('edit', ['editor'], [requests]);
    // Verbs and groups that are not those asked for.
    await world.grant(
      'signer',
      ['signer'],
      [
        ...statusRules,
        signers('certificates.k8s.io', 'approve', 'issuers.cert-manager.io/*'),
        signers('cert-manager.io', 'sign', 'issuers.cert-manager.io/*'),
      ],
    );
    for (const user of ['mallory', 'editor', 'signer']) clients.set(user, await world.client({ user }));
  });
  after(() => world?.stop());

  for (const mutating of [false, true]) {
    describe(mutating ? 'where the API server fills in who asked' : 'where clients fill that in', () => {
      before(async () => {
        if (mutating) await world.fillIdentities();
      });

      it('is not for who may write the status alone', async () => {
        for (const user of ['mallory', 'signer']) {
          for (const decision of [approved, denied]) {
            const expected =
              `user "${user}" may not approve or deny requests for Issuer "ca": needs the verb approve on signers ` +
              'of cert-manager.io, resource name issuers.cert-manager.io/web.ca';
            assertSaid(await decide(user, {}, decision), expected);
          }
        }
      });

      it('is for who may approve for all issuers of the kind, or for this one', async () => {
        for (const decision of [approved, denied]) {
          for (const user of ['of-all-issuers', 'of-web-ca'] as const) {
            for (const issuerRef of [
              { name: 'ca' },
              { name: 'ca', kind: 'Issuer' },
              { name: 'ca', kind: '', group: '' },
              { name: 'ca', group: 'cert-manager.io' },
            ])
              assert.equal(await decide(user, { issuerRef }, decision), undefined);
          }
          for (const user of ['of-all-cluster-issuers', 'of-cluster-ca'] as const)
            assert.equal(await decide(user, { issuerRef: clusterIssuer }, decision), undefined);
        }
      });

      it('is not for who may approve for another issuer, kind or namespace', async () => {
        const refused = async (
          user: Approver,
          issuerRef: IssuerRef,
          needed: string,
          namespace = 'web',
        ): Promise<void> =>
          assertSaid(
            await decide(user, { issuerRef, namespace }, approved),
            `may not approve or deny requests for ${issuerRef.kind ?? 'Issuer'} "${issuerRef.name}": needs the verb ` +
              `approve on signers of cert-manager.io, resource name ${needed}`,
          );
        await refused('of-web-ca', { name: 'another' }, 'issuers.cert-manager.io/web.another');
        await refused('of-web-ca', { name: 'ca' }, 'issuers.cert-manager.io/store.ca', 'store');
        // A name with a dot reads as a namespace and a name, of which there must be no mixing up.
        await refused('of-web-ca', { name: 'web.ca' }, 'issuers.cert-manager.io/store.web.ca', 'store');
        for (const user of ['of-all-issuers', 'of-web-ca'] as const)
          await refused(user, clusterIssuer, 'clusterissuers.cert-manager.io/ca');
        for (const user of ['of-all-cluster-issuers', 'of-cluster-ca'] as const)
          await refused(user, { name: 'ca' }, 'issuers.cert-manager.io/web.ca');
        const another = { name: 'another', kind: 'ClusterIssuer' };
        await refused('of-cluster-ca', another, 'clusterissuers.cert-manager.io/another');
        await refused('of-all-issuers', { name: 'ca', kind: 'Unknown' }, 'unknowns.cert-manager.io/ca');
      });

      it("goes by the kind and the group of other people's issuers", async () => {
        const ca = { name: 'ca', ...other };
        const clusterCa = { name: 'ca', ...otherCluster };
        for (const user of ['of-others', 'of-other-web-ca'] as const)
          assert.equal(await decide(user, { issuerRef: ca }, approved), undefined);
        assert.equal(await decide('of-other-cluster-ca', { issuerRef: clusterCa }, approved), undefined);
        for (const user of ['of-all-issuers', 'of-web-ca', 'of-other-cluster-ca', 'mallory'] as const)
          assertSaid(
            await decide(user, { issuerRef: ca }, approved),
            'awspcaissuers.awspca.cert-manager.io/',
          );
        for (const user of ['of-others', 'of-cluster-ca', 'of-other-web-ca'] as const)
          assertSaid(await decide(user, { issuerRef: clusterCa }, approved), 'awspcaclusterissuers.awspca');
        // Who may approve for the issuer `ca` of `web` gets nothing where one is called `web.ca`.
        const dotted = { issuerRef: { name: 'web.ca', ...other }, namespace: 'store' };
        assertSaid(await decide('of-other-web-ca', dotted, approved), 'may not approve or deny');
        assert.equal(await decide('of-others', dotted, approved), undefined);
        // And the reverse: a cluster-scoped issuer `web.ca` is not the issuer `ca` for whoever asks in `web`.
        const dottedCluster = { issuerRef: { name: 'web.ca', ...otherCluster } };
        assert.equal(await decide('of-other-cluster-web-ca', dottedCluster, approved), undefined);
        assertSaid(
          await decide('of-other-cluster-web-ca', { issuerRef: clusterCa }, approved),
          'awspcaclusterissuers.awspca.cert-manager.io/ca',
        );
      });

      it('is True or nothing', async () => {
        for (const type of ['Approved', 'Denied'])
          for (const status of ['False', 'Unknown'] as const)
            assertSaid(
              await decide('of-web-ca', {}, condition(type, status, 'Policy')),
              'an Approved or Denied condition may only be set to True',
            );
      });

      it('is never both, at once or one after the other', async () => {
        const expected = "both 'Denied' and 'Approved' conditions cannot coexist";
        assertSaid(await decide('of-web-ca', {}, approved, denied), expected);
        for (const [first, second] of [
          [approved, denied],
          [denied, approved],
        ] as const) {
          const request = await world.request(world.admin);
          await world.patch(clientOf('of-web-ca'), request, conditions(first), 'status');
          const both = world.patch(clientOf('of-web-ca'), request, conditions(first, second), 'status');
          assertSaid(await refusal(both), expected);
        }
      });

      it('is not changed, taken back or turned round, by nobody', async () => {
        for (const [decision, opposite] of [
          [approved, denied],
          [denied, approved],
        ] as const) {
          const request = await world.request(world.admin);
          await world.patch(clientOf('of-web-ca'), request, conditions(decision), 'status');
          for (const user of ['of-web-ca', 'admin']) {
            for (const change of [
              conditions({ ...decision, reason: 'Another' }),
              conditions({ ...decision, message: 'another' }),
              conditions({ ...decision, lastTransitionTime: '2020-01-01T00:00:00Z' }),
              conditions(opposite),
              conditions(),
              { status: { conditions: null } },
              { status: null },
            ]) {
              const said = await refusal(world.patch(clientOf(user), request, change, 'status'));
              assertSaid(said, 'an Approved or Denied condition may not be modified once set');
            }
          }
        }
      });

      it('is asked of nobody who leaves it as it is', async () => {
        const request = await world.request(world.admin, {
          issuerRef: { name: 'ca', group: 'example.com', kind: 'Own' },
        });
        await world.patch(world.admin, request, conditions(approved), 'status');
        const change = conditions(pending, approved);
        assert.equal(await refusal(world.patch(clientOf('mallory'), request, change, 'status')), undefined);
      });

      it('does not come with the creation of a request, or with an update of it', async () => {
        const status = { conditions: [approved], certificate: 'Zm9yZ2Vk' };
        const created = await world.request(clientOf('editor'), { status });
        assert.equal(created.status, undefined);
        const patched = await world.patch(clientOf('editor'), created, { status });
        assert.equal(patched.status, undefined);
        const replaced = await clientOf('editor')
          .resource(certificateRequests)
          .replace({ ...patched, status });
        assert.equal(replaced.status, undefined);
        const body = conditions(approved);
        assertSaid(
          await refusal(world.patch(clientOf('editor'), created, body, 'status')),
          'certificaterequests/status',
        );
      });

      it('is what the controller may make of all requests, and the driver of none', async () => {
        const account = (name: string) => ({ serviceAccount: { namespace: 'certmount', name } });
        const controller = (await world.client(account('certmount-controller'))).resource(
          certificateRequests,
        );
        for (const issuerRef of [{ name: 'ca' }, clusterIssuer]) {
          const request = await world.request(world.admin, { issuerRef });
          const { status } = await controller.replaceStatus({ ...request, ...conditions(approved, pending) });
          assert.equal(status?.conditions?.length, 2);
        }
        const request = await world.request(world.admin);
        const driver = await world.client(account('certmount-driver'));
        const said = await refusal(world.patch(driver, request, conditions(approved), 'status'));
        assertSaid(said, 'certificaterequests/status');
      });
    });
  }

  const clientOf = (user: string): KubeClient =>
    user === 'admin' ? world.admin : (clients.get(user) ?? assert.fail(`no user ${user}`));

  /** What is said when the user puts these conditions on a new request. */
  async function decide(
    user: string,
    options: Parameters<AdmissionWorld['request']>[1],
    ...decisions: readonly Condition[]
  ): Promise<string | undefined> {
    const request = await world.request(world.admin, options);
    return refusal(world.patch(clientOf(user), request, conditions(...decisions), 'status'));
  }
});

function assertSaid(said: string | undefined, expected: string): void {
  assert.ok(said?.includes(expected), `${said} instead of ${expected}`);
}
