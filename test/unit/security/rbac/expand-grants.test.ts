import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expandGrants } from '../../../security/rbac/expand-grants.ts';

const account = { kind: 'ServiceAccount', name: 'certmount-driver', namespace: 'certmount' };
const roleRef = { kind: 'ClusterRole', name: 'driver' };

describe('what manifests grant to service accounts', () => {
  it('is each verb on each resource of each group', () => {
    const rules = [{ apiGroups: ['', 'a.io'], resources: ['pods', 'pods/status'], verbs: ['get', 'list'] }];
    const grants = expandGrants([
      { kind: 'ClusterRole', metadata: { name: 'driver' }, rules },
      { kind: 'ClusterRoleBinding', metadata: { name: 'any' }, roleRef, subjects: [account] },
    ]);
    assert.equal(grants.length, 8);
    assert.deepEqual(grants.at(-1), {
      account: 'certmount/certmount-driver',
      group: 'a.io',
      resource: 'pods',
      subresource: 'status',
      verb: 'list',
      names: [],
      namespace: undefined,
      role: 'driver',
    });
  });

  it('is limited to names, and to the namespace of the binding', () => {
    const rules = [{ apiGroups: ['x'], resources: ['leases'], resourceNames: ['one'], verbs: ['get'] }];
    const bind = (metadata: object, kind: string) => ({
      kind: 'RoleBinding',
      metadata,
      roleRef: { kind, name: 'r' },
      subjects: [{ kind: 'ServiceAccount', name: 's' }],
    });
    const grants = expandGrants([
      { kind: 'Role', metadata: { name: 'r' }, rules },
      { kind: 'ClusterRole', metadata: { name: 'r' }, rules },
      bind({ name: 'own' }, 'Role'),
      bind({ name: 'other', namespace: 'kube-system' }, 'ClusterRole'),
    ]);
    assert.deepEqual(
      grants.map(({ account: of, names, namespace }) => [of, names, namespace]),
      [
        ['certmount/s', ['one'], 'certmount'],
        ['certmount/s', ['one'], 'kube-system'],
      ],
    );
  });

  it('is nothing by roles that are bound to nobody, or to people', () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    const subjects = [{ kind: 'Group', name: 'system:authenticated' }];
    const role = { kind: 'ClusterRole', metadata: { name: 'driver' }, rules };
    assert.deepEqual(expandGrants([role, { kind: 'Deployment' }]), []);
    assert.deepEqual(expandGrants([role, { kind: 'ClusterRoleBinding', roleRef, subjects }]), []);
  });

  it('is not guessed when a role is missing or of another kind', () => {
    const binding = {
      kind: 'ClusterRoleBinding',
      metadata: { name: 'b' },
      roleRef,
      subjects: [account],
    };
    assert.throws(() => expandGrants([binding]), /ClusterRoleBinding b is to driver, which is not there/);
    const rules = [{ verbs: ['get'] }];
    const role = { kind: 'ClusterRole', metadata: { name: 'driver' }, rules };
    assert.throws(() => expandGrants([role, binding]), /a rule of driver is not of resources/);
  });
});
