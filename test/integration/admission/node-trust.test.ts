import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { anchorSets } from '../../../src/api/anchor-set.ts';
import { type NodeTrust, nodeTrusts } from '../../../src/api/node-trust.ts';
import type { KubeClient, OwnerReference } from '../../../src/kube/index.ts';
import { createNode, driverCredentials } from '../../support/node-identity.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';

const driverName = 'csi.certmount.io';
const bound = "must be the node that the requester's credentials are bound to";

describe('what a node trusts', { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  let onA: KubeClient;
  let onB: KubeClient;
  let unbound: KubeClient;
  let collector: KubeClient;

  before(async () => {
    world = await AdmissionWorld.start();
    // More than the driver has, so that it is the policy that refuses.
    const verbs = ['get', 'create', 'update', 'patch', 'delete'];
    const rules = [{ apiGroups: ['certmount.io'], resources: ['nodetrusts'], verbs }];
    await world.grant('reporter', ['certmount/certmount-driver', 'collector'], rules);
    for (const node of ['node-a', 'node-b']) nodeUids.set(node, await createNode(world.admin, node));
    onA = await world.client(await driverCredentials(world.admin, 'node-a'));
    onB = await world.client(await driverCredentials(world.admin, 'node-b'));
    unbound = await world.client({ serviceAccount: { namespace: 'certmount', name: 'certmount-driver' } });
    collector = await world.client({ user: 'collector' });
  });
  after(() => world?.stop());
  beforeEach(() => world.cluster.kubectl(['delete', 'nodetrusts', '--all']));

  for (const mutating of [false, true]) {
    describe(mutating ? 'where the API server fills in who asked' : 'where clients fill that in', () => {
      before(async () => {
        if (mutating) await world.fillIdentities();
      });

      it('is told by the driver of the node', async () => {
        const made = await create(onA, trust('node-a'));
        const changed = await onA.resource(nodeTrusts).replace(withSets(made));
        assert.equal(changed.spec.sets.length, 1);
        await create(onB, trust('node-b'));
        await onB.resource(nodeTrusts).apply(trust('node-b'), { fieldManager: 'test', force: true });
        await onB.resource(nodeTrusts).delete({ name: nameOf('node-b') });
      });

      it('is not told by the driver of another node', async () => {
        const expected = `spec.nodeName is "node-b" and ${bound}, "node-a"`;
        assertSaid(await refusal(create(onA, trust('node-b'))), expected);
        assertSaid(await refusal(create(onA, { ...trust('node-b'), metadata: { name: 'any' } })), expected);
        const made = await create(onB, trust('node-b'));
        assertSaid(await refusal(onA.resource(nodeTrusts).replace(withSets(made))), expected);
        const applied = onA
          .resource(nodeTrusts)
          .apply(trust('node-b'), { fieldManager: 'test', force: true });
        assertSaid(await refusal(applied), expected);
        assertSaid(await refusal(onA.resource(nodeTrusts).delete({ name: nameOf('node-b') })), expected);
        // Its owner's end would be its own.
        const owner = { apiVersion: 'v1', kind: 'Node', name: 'gone', uid: 'gone' };
        const orphaned = { metadata: { ownerReferences: [owner] } };
        assertSaid(
          await refusal(onA.resource(nodeTrusts).patch({ name: nameOf('node-b') }, orphaned)),
          expected,
        );
      });

      it('is under the name of its node and driver', async () => {
        const expected = 'metadata.name must be spec.nodeName, a dot and spec.driverName';
        for (const name of ['node-a', nameOf('node-b'), 'node-a.another', driverName])
          assertSaid(await refusal(create(onA, { ...trust('node-a'), metadata: { name } })), expected);
        await create(onA, trust('node-a'));
      });

      it('goes with its node, and with nothing else', async () => {
        const expected =
          "the one owner must be the node of the requester's credentials, and there must be no finalizer";
        const [owner] = ownedBy('node-a').ownerReferences;
        assert.ok(owner);
        for (const metadata of [
          { ownerReferences: [] },
          { ownerReferences: [{ ...owner, uid: 'of-before' }] },
          { ownerReferences: [{ ...owner, kind: 'Pod' }] },
          ownedBy('node-b'),
          { ownerReferences: [owner, { ...owner, kind: 'Pod', name: 'held', uid: 'held' }] },
          { finalizers: ['example.com/stay'] },
        ]) {
          const object = { ...trust('node-a'), metadata: { ...trust('node-a').metadata, ...metadata } };
          assertSaid(await refusal(create(onA, object)), expected);
        }
        const made = await create(onA, trust('node-a'));
        const kept = { ...made, metadata: { ...made.metadata, finalizers: ['example.com/stay'] } };
        assertSaid(await refusal(onA.resource(nodeTrusts).replace(kept)), expected);
      });

      it('is of a driver that is installed, under whichever of its names', async () => {
        const of = (driver: string): NodeTrust => ({
          metadata: { ...trust('node-a').metadata, name: `node-a.${driver}` },
          spec: { nodeName: 'node-a', driverName: driver, sets: [] },
        });
        for (const driver of [driverName, 'csi.cert-manager.io', 'spiffe.csi.cert-manager.io'])
          await create(onA, of(driver));
        assertSaid(
          await refusal(create(onA, of('csi.example.com'))),
          'spec.driverName "csi.example.com" is not among the names in the policy certmount-node-trust',
        );
      });

      it('does not move to another node or driver', async () => {
        const made = await create(onA, trust('node-a'));
        const moved = (spec: Partial<NodeTrust['spec']>): Promise<string | undefined> =>
          refusal(onA.resource(nodeTrusts).replace({ ...made, spec: { ...made.spec, ...spec } }));
        assertSaid(await moved({ nodeName: 'node-b' }), `spec.nodeName is "node-b" and ${bound}`);
        assertSaid(await moved({ driverName: 'another' }), 'metadata.name must be');
        // A name that could be of another node and driver is taken over by neither.
        const name = 'node-a.b.c';
        const ofAnother = { metadata: { name }, spec: { nodeName: 'node-a.b', driverName: 'c', sets: [] } };
        const { metadata } = await create(world.admin, ofAnother);
        const taken = {
          metadata: { ...metadata, ...ownedBy('node-a') },
          spec: { nodeName: 'node-a', driverName: 'b.c', sets: [] },
        };
        assertSaid(
          await refusal(onA.resource(nodeTrusts).replace(taken)),
          'spec.nodeName and spec.driverName cannot change after creation',
        );
      });

      it('is not told with credentials that are bound to no node', async () => {
        for (const client of [unbound, collector])
          assertSaid(await refusal(create(client, trust('node-a'))), `${bound}, which are bound to none`);
        const made = await create(onA, trust('node-a'));
        for (const client of [unbound, collector])
          assertSaid(await refusal(client.resource(nodeTrusts).replace(withSets(made))), bound);
      });

      it('is cleaned up by who is bound to no node, as the garbage collector', async () => {
        await create(onA, trust('node-a'));
        const key = { name: nameOf('node-a') };
        const released = { metadata: { ownerReferences: null } };
        assert.equal(await refusal(collector.resource(nodeTrusts).patch(key, released)), undefined);
        await collector.resource(nodeTrusts).delete(key);
      });

      it('is put right by an administrator', async () => {
        const made = await create(world.admin, trust('node-a'));
        await world.admin.resource(nodeTrusts).replace(withSets(made));
        await world.admin.resource(nodeTrusts).delete({ name: nameOf('node-a') });
      });
    });
  }

  it('and what is to be trusted are not written by drivers with their own permissions', async () => {
    const spec = { source: 'Bundle/x', anchors: '', sequence: 1 };
    const written = onA.resource(anchorSets).create({ metadata: { name: 'bundle.x' }, spec });
    assertSaid(await refusal(written), 'cannot create resource "anchorsets"');
  });
});

function nameOf(node: string): string {
  return `${node}.${driverName}`;
}

const nodeUids = new Map<string, string>();

function ownedBy(nodeName: string): { ownerReferences: OwnerReference[] } {
  const uid = nodeUids.get(nodeName) ?? '';
  return { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] };
}

function trust(nodeName: string): NodeTrust {
  const metadata = { name: nameOf(nodeName), ...ownedBy(nodeName) };
  return { metadata, spec: { nodeName, driverName, sets: [] } };
}

function withSets(made: NodeTrust): NodeTrust {
  const sets = [{ name: 'bundle.x', hash: '0123456789abcdef', volumes: 1, behind: 0 }];
  return { ...made, spec: { ...made.spec, sets } };
}

function create(client: KubeClient, object: NodeTrust): Promise<NodeTrust> {
  return client.resource(nodeTrusts).create(object);
}

function assertSaid(said: string | undefined, expected: string): void {
  assert.ok(said?.includes(expected), `${said} instead of ${expected}`);
}
