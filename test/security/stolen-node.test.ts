import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { certificateRequests } from '../../src/api/certificate-request.ts';
import { pods, services } from '../../src/api/core.ts';
import type { Pod } from '../../src/api/core.ts';
import { nodeTrusts } from '../../src/api/node-trust.ts';
import { createNode, createPod, deletePod, driverAccount, setPodStatus } from '../support/node-identity.ts';
import type { Actor } from './support/security-world.ts';
import { csrFor, ownerOf, refusal, SecurityWorld, spiffeIdOf } from './support/security-world.ts';

let world: SecurityWorld;
/** What lies on a node that is taken over: its kubelet's credentials and the token of its driver. */
let kubelet: Actor;
let driver: Actor;
let otherDriver: Actor;

before(async () => {
  world = await SecurityWorld.start();
  kubelet = await world.actor({ node: 'node-a' });
  driver = await world.driver('node-a');
  otherDriver = await world.driver('node-b');
});
after(() => world.stop());

describe("the driver's token of a node that is taken over", () => {
  it('gets for each of its pods what that pod may have, and nothing of another one', async () => {
    const [front, back] = [await world.pod(), await world.pod({ serviceAccount: 'back' })];
    await world.assertIssued(await world.ask(driver, front));
    await world.assertIssued(await world.ask(driver, back));
    const csr = await csrFor({ uris: [spiffeIdOf(back)] });
    await world.assertDenied(
      await world.ask(driver, front, { csr }),
      /uris "spiffe:.*back": must be the pod's/,
    );
    const names = await csrFor({ dnsNames: [`${back.metadata.name}.web`] });
    await world.assertDenied(await world.ask(driver, front, { csr: names }), /dnsNames "pod-\d+\.web"/);
  });

  it('gets nothing without exactly one pod that owns the request', async () => {
    const [pod, second] = [await world.pod(), await world.pod()];
    const foreign = { ...ownerOf(pod), apiVersion: 'apps/v1', kind: 'ReplicaSet' };
    for (const owners of [[], [ownerOf(pod), ownerOf(second)], [foreign], [foreign, ownerOf(pod)]])
      await world.assertDenied(await world.ask(driver, pod, { owners }), /must be exactly one v1 Pod/);
    const mixed = [{ ...ownerOf(pod), uid: second.metadata.uid ?? '' }];
    await world.assertDenied(await world.ask(driver, pod, { owners: mixed }), /has uid .*, expected/);
    await world.assertIssued(
      await world.ask(driver, pod, { owners: [{ ...ownerOf(pod), controller: true }] }),
    );
  });

  it('gets nothing for a pod of another namespace, whoever is said to own the request', async () => {
    const there = await world.pod({ namespace: 'store' });
    const key = world.ask(driver, there, { namespace: 'web' });
    await world.assertDenied(await key, /pod web\/pod-\d+ does not exist/);
    await world.assertIssued(await world.ask(driver, there));
    // Of one name in both namespaces the uid tells.
    const here = await world.pod({ name: there.metadata.name ?? '' });
    const mixed = world.ask(driver, here, { owners: [ownerOf(there)] });
    await world.assertDenied(await mixed, /has uid .*, expected/);
  });

  it('gets nothing for a pod that moved to another node under its name, as those of a StatefulSet do', async () => {
    const before = await world.pod({ name: 'db-0' });
    await world.assertIssued(await world.ask(driver, before));
    await deletePod(world.admin, before);
    const moved = await world.pod({ name: 'db-0', nodeName: 'node-b' });
    await world.assertDenied(await world.ask(driver, before), /has uid .*, expected/);
    await world.assertDenied(
      await world.ask(driver, { ...moved, spec: before.spec }),
      /is on node "node-b", expected "node-a"/,
    );
    await world.assertIssued(await world.ask(otherDriver, moved));
  });

  it('is not taken for that of another node, whatever labels and claims say', async () => {
    const theirs = await world.pod({ nodeName: 'node-b' });
    const labels = { 'csi.certmount.io/node': 'node-a' };
    await world.assertDenied(await world.ask(driver, theirs), /label .* is "node-b"/);
    await world.assertDenied(await world.ask(driver, theirs, { labels }), /is on node "node-b"/);
    for (const forged of [
      { extra: otherDriver.identity.extra ?? {} },
      { ...otherDriver.identity },
      { extra: {} },
      { username: 'system:serviceaccount:web:app' },
      { groups: ['system:masters'] },
      { uid: 'another' },
    ])
      assert.match(await refusal(world.ask(driver, theirs, forged)), /must be (that|those) of the requester/);
  });

  it('is not taken for that of a node whose long name begins alike, and so has a like label', async () => {
    const [one, two] = ['one', 'two'].map((end) => `${'n'.repeat(63)}.${end}`) as [string, string];
    const long = await world.driver(one);
    await createNode(world.admin, two);
    const [mine, theirs] = [await world.pod({ nodeName: one }), await world.pod({ nodeName: two })];
    const labels = { 'csi.certmount.io/node': 'n'.repeat(63) };
    await world.assertDenied(await world.ask(long, theirs, { labels }), /is on node "n+\.two"/);
    await world.assertIssued(await world.ask(long, mine, { labels }));
  });

  it('does not ask as nobody, whom approval would not hold to the pods of a node', async () => {
    const pod = await world.pod();
    const nobody = { ...driver, identity: {} as Actor['identity'] };
    assert.match(
      await refusal(world.ask(nobody, pod)),
      /spec\.username is "" and must be that of the requester/,
    );
    await world.assertIssued(await world.ask(driver, pod));
  });

  it('deletes no requests but those of its node', async () => {
    const [mine, theirs] = [await world.pod(), await world.pod({ nodeName: 'node-b' })];
    const [request, foreign] = [await world.ask(driver, mine), await world.ask(otherDriver, theirs)];
    const person = await world.actor({ user: 'person', groups: ['system:masters'] });
    const persons = await world.forge(person);
    const resource = driver.client.resource(certificateRequests);
    for (const one of [foreign, persons])
      assert.match(await refusal(resource.delete(one)), /may delete the requests of its own node alone/);
    await resource.delete(request);
    for (const one of [foreign, persons]) await world.admin.resource(certificateRequests).delete(one);
  });

  it('changes no request, its own neither', async () => {
    const key = await world.ask(driver, await world.pod());
    const patch = { metadata: { ownerReferences: [] } };
    const resource = driver.client.resource(certificateRequests);
    assert.match(await refusal(resource.patch(key, patch)), /cannot patch resource "certificaterequests"/);
    const status = { status: { conditions: [] } };
    const options = { subresource: 'status' };
    assert.match(
      await refusal(resource.patch(key, status, options)),
      /cannot patch .*certificaterequests\/status/,
    );
  });

  it('speaks for no other node of what is trusted', async () => {
    const trust = (nodeName: string, driverName = 'csi.certmount.io') => ({
      metadata: {
        name: `${nodeName}.${driverName}`,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: world.nodeUid(nodeName) }],
      },
      spec: { nodeName, driverName, sets: [] },
    });
    const resource = driver.client.resource(nodeTrusts);
    assert.match(await refusal(resource.create(trust('node-b'))), /must be the node that the requester/);
    await resource.create(trust('node-a'));
    assert.match(await refusal(resource.create(trust('node-a', 'csi-1'))), /"csi-1" is not among the names/);
  });
});

describe('the kubelet of a node that is taken over', () => {
  it('gets no identity for a static pod that it makes up in another namespace', async () => {
    const pod = await mirrorPod('made-up');
    for (const csr of [
      await csrFor({ uris: [spiffeIdOf(pod)] }),
      await csrFor({ dnsNames: ['made-up.store', 'db.store.svc.cluster.local'] }),
      await csrFor({}),
    ])
      await world.assertDenied(await world.ask(driver, pod, { csr }), /has no service account/);
    const said = await refusal(mirrorPod('with-account', { serviceAccountName: 'default' }));
    assert.match(said, /mirror pod|service account/);
    assert.match(await refusal(mirrorPod('elsewhere', { nodeName: 'node-b' })), /node-a/);
  });

  it('makes none but mirror pods, and binds none to itself', async () => {
    const { metadata, spec } = await world.pod({ nodeName: 'node-b' });
    const copy = { metadata: { namespace: 'store', name: 'copy' }, spec: { ...spec, nodeName: 'node-a' } };
    assert.match(await refusal(kubelet.client.resource(pods).create(copy)), /mirror/);
    const path = `/api/v1/namespaces/web/pods/${metadata.name}/binding`;
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: metadata.name },
      target: { kind: 'Node', name: 'node-a' },
    };
    const bind = kubelet.client.request({ method: 'POST', path, body });
    assert.match(await refusal(bind), /cannot create resource "pods\/binding"/);
  });

  it('gives its pods no labels by which services would select them', async () => {
    const pod = await world.pod();
    const { name = '', namespace = '' } = pod.metadata;
    const key = { namespace, name };
    const resource = kubelet.client.resource(pods);
    const options = { subresource: 'status', type: 'strategic' } as const;
    const change = { metadata: { labels: { app: 'vault' } }, status: { phase: 'Running' } };
    assert.match(await refusal(resource.patch(key, change, options)), /labels/);
    await resource.patch(key, { status: { message: 'fine' } }, options);
    const foreign = await world.pod({ nodeName: 'node-b' });
    const other = { namespace, name: foreign.metadata.name ?? '' };
    const said = await refusal(resource.patch(other, { status: { phase: 'Running' } }, options));
    assert.match(said, /node-a/);
  });

  it('gets for its pods no address that others are known to have', async () => {
    const [mine, theirs] = [await world.pod(), await world.pod({ nodeName: 'node-b', ips: ['10.0.0.9'] })];
    const { spec } = await world.admin.resource(services).get({ namespace: 'default', name: 'kubernetes' });
    const { name = '', namespace = '' } = mine.metadata;
    for (const [ip, allowed] of [
      ['10.0.0.9', false],
      [spec.clusterIP ?? assert.fail(), false],
      ['127.0.0.1', false],
      ['10.0.0.7', true],
    ] as const) {
      const status = { podIP: ip, podIPs: [{ ip }] };
      const options = { subresource: 'status' } as const;
      await kubelet.client.resource(pods).patch({ namespace, name }, { status }, options);
      const key = await world.ask(driver, mine, { csr: await csrFor({ ipAddresses: [ip] }) });
      if (allowed) await world.assertIssued(key);
      else await world.assertDenied(key, /ipAddresses .* must be one of the pod's own/);
    }
    const csr = await csrFor({ ipAddresses: ['10.0.0.9'] });
    await world.assertIssued(await world.ask(otherDriver, theirs, { csr }));
  });

  it('gets the tokens of its own pods alone', async () => {
    const [mine, theirs] = [await world.pod(), await world.pod({ nodeName: 'node-b' })];
    await world.cluster.kubectl(['get', 'sa', '-n', 'web', 'app']);
    await tokenFor('app', mine);
    assert.match(await refusal(tokenFor('app', theirs)), /node/);
    const other = await driverPod('node-b');
    const stolen = tokenFor(driverAccount.name, other, driverAccount.namespace);
    assert.match(await refusal(stolen), /node/);
    assert.match(await refusal(tokenFor('app', undefined)), /not bound to a pod|unbound/);
  });

  it('makes no requests of its own, and decides on none', async () => {
    const pod = await world.pod();
    assert.match(await refusal(world.ask(kubelet, pod)), /cannot create resource "certificaterequests"/);
    const key = await world.ask(driver, pod);
    const resource = kubelet.client.resource(certificateRequests);
    assert.match(await refusal(resource.get(key)), /cannot get resource/);
    const status = resource.patch(key, { status: {} }, { subresource: 'status' });
    assert.match(await refusal(status), /cannot patch resource/);
  });
});

describe('what a node says of its own pods', () => {
  it('is believed as to whether they have ended, until they are deleted', async () => {
    const pod = await world.pod();
    const { name = '', namespace = '' } = pod.metadata;
    await setPodStatus(world.admin, pod, { phase: 'Failed' });
    await world.assertDenied(await world.ask(driver, pod), /has ended/);
    const running = { status: { phase: 'Running' } };
    const options = { subresource: 'status', type: 'strategic' } as const;
    await kubelet.client.resource(pods).patch({ namespace, name }, running, options);
    await world.assertIssued(await world.ask(driver, pod));
    await deletePod(world.admin, pod);
    await world.assertDenied(await world.ask(driver, pod), /does not exist/);
  });
});

async function tokenFor(account: string, pod: Pod | undefined, namespace = 'web'): Promise<void> {
  const { name, uid } = pod?.metadata ?? {};
  const bound = pod && { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } };
  await kubelet.client.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [], ...bound } },
  });
}

/** That of the installed driver, whose token its node has. */
async function driverPod(node: string): Promise<Pod> {
  await createNode(world.admin, node);
  const { namespace, name: serviceAccount } = driverAccount;
  return createPod(world.admin, { namespace, name: `driver-${node}`, nodeName: node, serviceAccount });
}

/** A static pod's: a kubelet may show any on its own node, in any namespace. */
function mirrorPod(name: string, spec: object = {}): Promise<Pod> {
  const uid = world.nodeUid('node-a');
  const pod: Pod = {
    metadata: {
      namespace: 'store',
      name,
      annotations: { 'kubernetes.io/config.mirror': 'x', 'kubernetes.io/config.hash': 'x' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-a', uid, controller: true }],
    },
    spec: { nodeName: 'node-a', containers: [{ name: 'main', ...{ image: 'none' } }], ...spec },
  };
  return kubelet.client.resource(pods).create(pod);
}
