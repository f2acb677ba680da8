import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ResourceType } from '../../../src/kube/index.ts';
import type { KubeObject } from '../../../src/kube/index.ts';
import { newCa } from '../../unit/controller/builders.ts';
import { startController } from './support/controller.ts';
import type { RunningController } from './support/controller.ts';
import { verifyIssued } from './support/openssl.ts';
import { World } from './support/world.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}

const day = 24 * 60 * 60 * 1000;
const ca = await newCa({ notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) });
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;
const clusterRoles: ResourceType<KubeObject & { rules: Rule[] }> = {
  ...rbac,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
};
const roles: ResourceType<KubeObject & { rules: Rule[] }> = {
  ...rbac,
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
};
const roleBindings: ResourceType<KubeObject & { roleRef: object; subjects: object[] }> = {
  ...rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
};

let world: World;
let controller: RunningController;

before(async () => {
  world = await World.start();
  await giveSecretsOf('certmount');
  await world.putCa({ namespace: 'certmount', name: 'ca' }, ca);
  await world.createClusterIssuer('mesh', { ca: { secretName: 'ca' } });
  controller = await startController(world, ['--leader-elect=false']);
});
after(async () => {
  await controller.stop();
  await world.stop();
});

/** In the place of the right to Secrets of all namespaces. */
async function giveSecretsOf(namespace: string): Promise<void> {
  const { client } = world;
  const everywhere = await client.resource(clusterRoles).get({ name: 'certmount-controller' });
  const isOther = ({ resources = [] }: Rule): boolean => !resources.includes('secrets');
  const verbs = everywhere.rules.filter((rule) => !isOther(rule)).flatMap((rule) => rule.verbs);
  await client.resource(clusterRoles).replace({ ...everywhere, rules: everywhere.rules.filter(isOther) });
  const metadata = { namespace, name: 'certmount-secrets' };
  await client
    .resource(roles)
    .create({ metadata, rules: [{ apiGroups: [''], resources: ['secrets'], verbs }] });
  await client.resource(roleBindings).create({
    metadata,
    roleRef: { apiGroup: rbac.group, kind: 'Role', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: 'certmount-controller', namespace: 'certmount' }],
  });
}

describe('a controller that may read the Secrets of its own namespace alone', () => {
  it('signs for ClusterIssuers, whose CAs are there', async () => {
    const key = await world.request({ issuerRef: { name: 'mesh', kind: 'ClusterIssuer' } });
    await verifyIssued(await world.whenReady(key));
  });

  it('says of an Issuer what it may not read', async () => {
    await world.createIssuer('own', { ca: { secretName: 'ca' } });
    const { message } = await world.whenIssuer('Issuer', { namespace: 'web', name: 'own' }, 'ErrGetKeyPair');
    assert.match(message ?? '', /cannot list resource "secrets".* in the namespace "web"/);
  });
});

describe('a name that no Secret can have', () => {
  it('is not found, and its issuer and its request say so', async () => {
    await world.createClusterIssuer('comma', { ca: { secretName: 'a,b' } });
    const { message } = await world.whenIssuer('ClusterIssuer', { name: 'comma' }, 'ErrGetKeyPair');
    assert.match(message ?? '', /secrets "a,b" not found/);
    await world.createIssuer('self', { selfSigned: {} });
    const annotations = { 'cert-manager.io/private-key-secret-name': 'web/my-key' };
    const key = await world.request({ issuerRef: { name: 'self' }, annotations });
    await world.whenReady(key, 'Pending');
    assert.ok(world.conditions(key).some(({ type, status }) => type === 'Approved' && status === 'True'));
  });
});
