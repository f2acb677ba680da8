import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { anchorSets } from '../../src/api/anchor-set.ts';
import { bundles } from '../../src/api/bundle.ts';
import { certificateRequestPolicies } from '../../src/api/certificate-request-policy.ts';
import { certificateRequests } from '../../src/api/certificate-request.ts';
import type { CertificateRequest } from '../../src/api/certificate-request.ts';
import { configMaps, pods, secrets } from '../../src/api/core.ts';
import { clusterIssuers, issuers } from '../../src/api/issuer.ts';
import { nodeTrusts } from '../../src/api/node-trust.ts';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { eventually } from '../support/eventually.ts';
import { boundTo, deletePod } from '../support/node-identity.ts';
import { condition } from '../unit/controller/builders.ts';
import { clientOf, refusal, SecurityWorld } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';
import { trustBundles } from '../support/pod-certificates.ts';

const rbac = 'rbac.authorization.k8s.io';
const group = 'cert-manager.io';

let world: SecurityWorld;
/** By what they have: Kubernetes' own roles in the namespace `web`, a pod's token there, nothing. */
const actors: Record<string, Actor> = {};

before(async () => {
  world = await SecurityWorld.start({ controllerManager: true, podCertificates: true });
  for (const role of ['view', 'edit', 'admin']) {
    await world.cluster.apply(binding(role, 'web'));
    actors[role] = await world.actor({ user: role, groups: ['team'] });
  }
  actors['workload'] = await world.actor(boundTo(await world.pod()));
  actors['kubelet'] = await world.actor({ node: 'node-a' });
  actors['driver'] = await world.driver('node-a');
  const edit = actors['edit'] ?? assert.fail();
  await eventually('the role edit to be made up of its parts', async () => {
    await edit.client.resource(configMaps).list({ namespace: 'web' });
    return true;
  });
});
after(() => world.stop());

/** What belongs to the controller or to administrators, and a try at each. */
const internal: readonly (readonly [
  ResourceType<KubeObject>,
  KubeObject & { spec?: object; data?: object },
])[] = [
  [anchorSets, named('made-up', { source: 'Bundle/x', anchors: '', sequence: 1 })],
  [nodeTrusts, named('node-b.x', { nodeName: 'node-b', driverName: 'x', sets: [] })],
  [certificateRequestPolicies, named('all', { selector: { issuerRef: {} }, allowed: { isCA: true } })],
  [clusterIssuers, named('mine', { ca: { secretName: 'mesh' } })],
  [bundles, named('mine', { sources: [{ secret: { name: 'mesh', key: 'tls.key' } }] })],
  [trustBundles, named('certmount.io:mesh:mine', { signerName: 'certmount.io/mesh' })],
  [issuers, inWeb('mine', { ca: { secretName: 'ca' } })],
  [certificateRequests, inWeb('mine', { request: 'eA==', issuerRef: { name: 'ca' } })],
  [acme('Order', 'orders'), inWeb('mine', {})],
  [acme('Challenge', 'challenges'), inWeb('mine', {})],
  [{ ...issuers, group, kind: 'Certificate', plural: 'certificates' }, inWeb('mine', {})],
];

describe("what is certmount's own", () => {
  for (const who of ['view', 'edit', 'admin', 'workload', 'kubelet', 'driver'])
    it(`is neither made, changed nor deleted by ${who}`, async () => {
      const { client } = actors[who] ?? assert.fail();
      for (const [type, object] of internal) {
        if (who === 'driver' && (type === certificateRequests || type === nodeTrusts)) continue;
        const resource = client.resource(type);
        const { name = '', namespace } = object.metadata;
        const key = { name, ...(namespace !== undefined && { namespace }) };
        const cannot = new RegExp(`cannot (create|patch|delete) resource "${type.plural}`);
        assert.match(await refusal(resource.create(object)), cannot);
        assert.match(await refusal(resource.patch(key, { metadata: { labels: { a: 'b' } } })), cannot);
        assert.match(await refusal(resource.patch(key, {}, { subresource: 'status' })), cannot);
        assert.match(await refusal(resource.delete(key)), cannot);
      }
    });

  it('is not seen by those who may see a namespace', async () => {
    for (const who of ['view', 'edit', 'admin', 'workload', 'kubelet'])
      for (const [type] of internal) {
        // Anchors are public, and Kubernetes shows them to every service account.
        if (type.plural === 'clustertrustbundles') continue;
        const { client } = actors[who] ?? assert.fail();
        const query = type.namespaced ? { namespace: 'web' } : {};
        assert.match(await refusal(client.resource(type).list(query)), /cannot list resource/, who);
      }
  });

  it('is nobody’s without credentials, or with those of a pod that is gone', async () => {
    const { ca, server } = await world.cluster.connection('admin');
    const anonymous = { server, ...(ca !== undefined && { ca }) };
    const pod = await world.pod();
    const token = await (await world.cluster.connection(boundTo(pod))).token?.();
    const gone = { ...anonymous, token: () => Promise.resolve(token ?? assert.fail()) };
    await deletePod(world.admin, pod);
    for (const [connection, says] of [
      [anonymous, /"system:anonymous" cannot create|Unauthorized/],
      [gone, /Unauthorized/],
    ] as const) {
      const client = clientOf(connection);
      const made = client.resource(certificateRequests).create(inWeb('mine', {}) as CertificateRequest);
      const said = await refusal(made).finally(() => client.close());
      assert.match(said, says);
    }
  });

  it('is in no part of the roles view, edit and admin', async () => {
    const roles: ResourceType<KubeObject & { rules?: readonly { apiGroups?: readonly string[] }[] }> = {
      group: rbac,
      version: 'v1',
      kind: 'ClusterRole',
      plural: 'clusterroles',
      namespaced: false,
    };
    const { items } = await world.admin.resource(roles).list();
    const parts = items.filter(({ metadata: { labels = {}, name = '' } }) => {
      const aggregates = Object.keys(labels).some((key) => key.includes('aggregate-to'));
      return aggregates || ['view', 'edit', 'admin'].includes(name);
    });
    assert.ok(parts.length >= 6);
    const ours = /cert-manager\.io|certmount\.io/;
    for (const { metadata, rules = [] } of parts)
      for (const { apiGroups = [] } of rules)
        assert.ok(!apiGroups.some((name) => ours.test(name) || name === '*'), metadata.name ?? '');
    const installed = items.filter(({ metadata }) => metadata.name?.startsWith('certmount-'));
    assert.ok(installed.length >= 2);
    for (const { metadata } of installed)
      assert.deepEqual(
        Object.keys(metadata.labels ?? {}),
        ['app.kubernetes.io/part-of'],
        metadata.name ?? '',
      );
  });
});

describe('the administrator of a namespace', () => {
  it('lets nobody use a policy, and nobody approve', async () => {
    const { client } = actors['admin'] ?? assert.fail();
    const roles: ResourceType<KubeObject & { rules: object[] }> = {
      group: rbac,
      version: 'v1',
      kind: 'Role',
      plural: 'roles',
      namespaced: true,
    };
    const rules = [
      ['policy.cert-manager.io', 'certificaterequestpolicies', 'use'],
      ['cert-manager.io', 'signers', 'approve'],
      ['cert-manager.io', 'signers', 'reference'],
      ['certificates.k8s.io', 'signers', 'sign'],
      ['cert-manager.io', 'certificaterequests/status', 'update'],
      ['cert-manager.io', 'certificaterequests', 'create'],
    ];
    for (const [apiGroup, resource, verb] of rules) {
      const rule = { apiGroups: [apiGroup], resources: [resource], verbs: [verb] };
      const role = { metadata: { namespace: 'web', name: 'more' }, rules: [rule] };
      assert.match(
        await refusal(client.resource(roles).create(role)),
        /attempting to grant RBAC permissions/,
      );
    }
    const harmless = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
    await client.resource(roles).create({ metadata: { namespace: 'web', name: 'less' }, rules: [harmless] });
  });
});

describe('who may edit a namespace', () => {
  it('is not the driver by impersonation, which is of the service accounts of that namespace alone', async () => {
    const impersonate = (user: string): Promise<Actor> =>
      world.actor({ user: 'edit', groups: ['team'] }, (connection) => ({
        ...connection,
        headers: { 'Impersonate-User': user },
      }));
    await assert.rejects(
      impersonate('system:serviceaccount:certmount:certmount-driver'),
      /cannot impersonate/,
    );
    const app = await impersonate('system:serviceaccount:web:app');
    assert.match(await refusal(world.forge(app)), /cannot create resource "certificaterequests"/);
  });

  it('gets no token of another namespace’s service accounts, and not of the controller', async () => {
    const { client } = actors['edit'] ?? assert.fail();
    const token = (namespace: string, name: string): Promise<unknown> =>
      client.request({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } },
      });
    for (const name of ['certmount-driver', 'certmount-controller'])
      assert.match(
        await refusal(token('certmount', name)),
        /cannot create resource "serviceaccounts\/token"/,
      );
    await token('web', 'app');
  });

  it('reads no Secret where those of ClusterIssuers are, and runs no pod there', async () => {
    const { client } = actors['edit'] ?? assert.fail();
    const key = { namespace: 'certmount', name: 'mesh' };
    assert.match(await refusal(client.resource(secrets).get(key)), /cannot get resource "secrets"/);
    const spec = { serviceAccountName: 'certmount-driver', nodeName: 'node-a', containers: [] };
    const pod = { metadata: { namespace: 'certmount', name: 'mine' }, spec };
    assert.match(await refusal(client.resource(pods).create(pod)), /cannot create resource "pods"/);
    await client.resource(secrets).get({ namespace: 'web', name: 'ca' });
  });
});

describe('the status of a request', () => {
  const approved = condition('Approved', 'True', 'x');
  const ready = condition('Ready', 'True', 'Issued');
  const forged = [
    { conditions: [approved] },
    { conditions: [approved, ready], certificate: 'eA==', ca: 'eA==' },
    { conditions: [] },
  ];

  it('is written by none of them, whatever they may have beside it', async () => {
    const driver = actors['driver'] ?? assert.fail();
    // Of a request of the driver that was denied.
    const key = await world.ask(driver, await world.pod(), { usages: ['code signing'] });
    await world.assertDenied(key, /usages/);
    // As a role would let them that was made for something else.
    const subjects = ['view', 'edit', 'admin'].map((name) => ({ kind: 'User', apiGroup: rbac, name }));
    await world.cluster.apply(statusRole(subjects));
    for (const who of ['view', 'edit', 'admin', 'workload', 'kubelet', 'driver']) {
      const { client } = actors[who] ?? assert.fail();
      for (const status of forged) {
        const write = client.resource(certificateRequests).patch(key, { status }, { subresource: 'status' });
        assert.match(
          await refusal(write),
          /cannot patch|may not|may only|cannot coexist|not be modified|no permission/,
        );
      }
    }
    const { status } = await world.admin.resource(certificateRequests).get(key);
    assert.equal(status?.certificate, undefined);
  });

  it('is not that of one that was copied, with the uid of the old one', async () => {
    const driver = actors['driver'] ?? assert.fail();
    const pod = await world.pod();
    const resource = world.admin.resource(certificateRequests);
    const issued = await resource.get(
      await world.ask(driver, pod).then(async (key) => (await world.assertIssued(key), key)),
    );
    const { namespace = '', uid = '' } = issued.metadata;
    const copy = { ...issued, metadata: { ...issued.metadata, name: 'copy' } };
    delete copy.metadata.resourceVersion;
    const created = await driver.client.resource(certificateRequests).create(copy);
    assert.notEqual(created.metadata.uid, uid);
    assert.equal(created.status, undefined);
    const again = await world.assertIssued({ namespace, name: 'copy' });
    assert.notEqual(again.status?.certificate, issued.status?.certificate);
  });
});

function binding(role: string, namespace: string): object {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { namespace, name: role },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', apiGroup: rbac, name: role }],
  };
}

function statusRole(subjects: readonly object[]): object[] {
  const metadata = { namespace: 'web', name: 'status' };
  const rule = { apiGroups: [group], resources: ['certificaterequests/status'], verbs: ['patch'] };
  return [
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: [rule] },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'status' },
      subjects,
    },
  ];
}

function named(name: string, spec: object): KubeObject & { spec: object } {
  return { metadata: { name }, spec };
}

function inWeb(name: string, spec: object): KubeObject & { spec: object } {
  return { metadata: { namespace: 'web', name }, spec };
}

/** Of an installation that has these, too: nothing here lets anybody have them. */
function acme(kind: string, plural: string): ResourceType<KubeObject> {
  return { ...issuers, group: `acme.${group}`, kind, plural };
}
