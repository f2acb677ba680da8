import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { certificateRequestPolicies } from '../../../src/api/certificate-request-policy.ts';
import { getCondition } from '../../../src/api/condition.ts';
import { nodes, pods, services } from '../../../src/api/core.ts';
import type { Pod } from '../../../src/api/core.ts';
import type { ObjectKey } from '../../../src/kube/index.ts';
import { noAltNames } from '../../../src/pki/index.ts';
import type { AltNames } from '../../../src/pki/index.ts';
import {
  boundTo,
  createNode,
  createPod,
  deletePod,
  driverCredentials,
  setPodStatus,
} from '../../support/node-identity.ts';
import { eventually } from '../../support/eventually.ts';
import { mayUse } from '../../support/may-use.ts';
import { base64, newCa, newCsr } from '../../unit/controller/builders.ts';
import { startController } from '../controller/support/controller.ts';
import type { RunningController } from '../controller/support/controller.ts';
import { World } from '../controller/support/world.ts';
import type { Asker } from '../controller/support/world.ts';

const day = 24 * 60 * 60 * 1000;
const root = await newCa({
  notBefore: new Date(Date.now() - day),
  notAfter: new Date(Date.now() + 365 * day),
});

let world: World;
let controller: RunningController;
let made = 0;

before(async () => {
  world = await World.startWithCa(root);
  controller = await startController(world, ['--approve-pods']);
});
after(async () => {
  await controller.stop();
  await world.stop();
});

/** A pod of its own, `web/NAME` of the service account `app`. */
function newPod(options: Partial<Parameters<typeof createPod>[1]> = {}): Promise<Pod> {
  made += 1;
  const defaults = { namespace: 'web', name: `pod-${made}`, nodeName: 'node-a', serviceAccount: 'app' };
  return createPod(world.client, { ...defaults, ...options });
}

async function csrFor(names: Partial<AltNames>): Promise<string> {
  return base64(await newCsr({ altNames: { ...noAltNames, ...names } }));
}

async function denial(key: ObjectKey): Promise<string> {
  const { status } = await world.whenReady(key, 'Denied');
  assert.equal(status?.certificate, undefined);
  return getCondition(status?.conditions, 'Denied')?.message ?? '';
}

/** Status and reason of its Ready condition, once that is of its present generation. */
function whenLookedAt(name: string): Promise<string> {
  return eventually(`${name} to be looked at`, async () => {
    const { metadata, status } = await world.client.resource(certificateRequestPolicies).get({ name });
    const condition = getCondition(status?.conditions, 'Ready');
    if (condition?.observedGeneration !== metadata.generation) return undefined;
    return `${condition?.status} ${condition?.reason}`;
  });
}

/** As its kubelet would say it. */
async function setAddress(node: string, address: string): Promise<void> {
  const status = { addresses: [{ type: 'InternalIP', address }] };
  await world.client.resource(nodes).patch({ name: node }, { status }, { subresource: 'status' });
}

function liveReads(): Promise<number> {
  return controller.metric('certmount_controller_approval_live_reads_total{resource="pods"}');
}

describe('the driver of a node', () => {
  it('gets certificates for its pods from what is watched, without a read', async () => {
    const pod = await newPod();
    // The watch of pods and that of requests are two connections.
    await world.whenReady(await world.request({ pod }));
    const before = await liveReads();
    for (let n = 0; n < 10; n++) await world.whenReady(await world.request({ pod }));
    assert.equal(await liveReads(), before);
  });

  it('gets none for the pods of another node', async () => {
    await createNode(world.client, 'node-b');
    const pod = await newPod({ nodeName: 'node-b' });
    assert.match(await denial(await world.request({ pod })), /is on node "node-b", expected "node-a"/);
  });

  it('gets none for a pod that is gone, has ended, or has lost its name to another', async () => {
    const gone = await newPod();
    await deletePod(world.client, gone);
    assert.match(await denial(await world.request({ pod: gone })), /does not exist/);

    const ended = await newPod();
    await setPodStatus(world.client, ended, { phase: 'Succeeded' });
    assert.match(await denial(await world.request({ pod: ended })), /has ended \(phase Succeeded\)/);

    const replaced = await newPod();
    await deletePod(world.client, replaced);
    await newPod({ name: replaced.metadata.name ?? '' });
    assert.match(await denial(await world.request({ pod: replaced })), /has uid .*, expected /);
  });

  it('gets none with the token of a node whose name another one has by now', async () => {
    const old = await world.asker(await driverCredentials(world.client, 'node-c'));
    const pod = await newPod({ nodeName: 'node-c' });
    await world.whenReady(await requestAs(old, pod));
    await world.client.resource(nodes).delete({ name: 'node-c' });
    assert.match(await denial(await requestAs(old, pod)), /there is no such node/);
    await createNode(world.client, 'node-c');
    assert.match(await denial(await requestAs(old, pod)), /but that node has uid/);
    const renewed = await world.asker(await driverCredentials(world.client, 'node-c'));
    await world.whenReady(await requestAs(renewed, pod));
  });

  it('gets none with a token that is bound to no pod', async () => {
    const account = { namespace: 'certmount', name: 'certmount-driver' };
    const unbound = await world.asker({ serviceAccount: account });
    assert.match(await denial(await requestAs(unbound, await newPod())), /are not bound to a node/);
  });

  it('gets the names of a service as soon as it selects the pod', async () => {
    const pod = await newPod({ labels: { app: 'shop' } });
    const dnsNames = ['shop.web'];
    const early = await world.request({ pod, request: await csrFor({ dnsNames }) });
    assert.match(await denial(early), /"shop\.web".*certmount-default|certmount-default.*"shop\.web"/);
    await world.client.resource(services).create({
      metadata: { namespace: 'web', name: 'shop' },
      spec: { selector: { app: 'shop' }, ports: [{ port: 443 }] } as object,
    });
    await world.whenReady(await world.request({ pod, request: await csrFor({ dnsNames }) }));
  });

  it("gets the pod's address as soon as it has it", async () => {
    const pod = await newPod({ phase: 'Pending' });
    await setPodStatus(world.client, pod, { ips: ['10.1.2.3'] });
    await world.whenReady(await world.request({ pod, request: await csrFor({ ipAddresses: ['10.1.2.3'] }) }));
    const other = await world.request({ pod, request: await csrFor({ ipAddresses: ['10.1.2.4'] }) });
    assert.match(await denial(other), /10\.1\.2\.4/);
  });

  it('gets no address that a service, another pod or a node has, though its kubelet says that the pod has it', async () => {
    const service = await world.client.resource(services).create({
      metadata: { namespace: 'web', name: 'victim' },
      spec: { ports: [{ port: 443 }] } as object,
    });
    const { clusterIP = '' } = service.spec;
    await newPod({ ips: ['10.1.3.1'] });
    await createNode(world.client, 'node-d');
    await setAddress('node-d', '10.1.3.2');
    for (const address of [clusterIP, '10.1.3.1', '10.1.3.2', '127.0.0.1']) {
      const pod = await newPod({ ips: [address] });
      const key = await world.request({ pod, request: await csrFor({ ipAddresses: [address] }) });
      assert.match(await denial(key), /must be one of the pod's own addresses/, address);
      await world.whenReady(await world.request({ pod }));
      await deletePod(world.client, pod);
    }
  });

  it("gets on the host network the node's internal address alone", async () => {
    const name = 'on-host';
    const spec = { nodeName: 'node-a', serviceAccountName: 'app', hostNetwork: true };
    const containers = [{ name: 'main', image: 'none' }];
    const made = { metadata: { namespace: 'web', name }, spec: { ...spec, containers } };
    const pod = await setPodStatus(world.client, await world.client.resource(pods).create(made), {
      ips: ['10.1.4.1'],
    });
    const ask = async (): Promise<ObjectKey> =>
      world.request({ pod, request: await csrFor({ ipAddresses: ['10.1.4.1'] }) });
    assert.match(await denial(await ask()), /10\.1\.4\.1/);
    await setAddress('node-a', '10.1.4.1');
    await world.whenReady(await ask());
  });

  it('has many requests denied without many reads', async () => {
    const pod = await newPod();
    const reads = (): Promise<number> =>
      controller.metric('certmount_controller_approval_live_reads_total{resource="services"}');
    const [before, startedAt] = [await reads(), Date.now()];
    const request = await csrFor({ dnsNames: ['no.such'] });
    await Promise.all(Array.from({ length: 60 }, async () => denial(await world.request({ pod, request }))));
    const seconds = (Date.now() - startedAt) / 1000;
    const made = (await reads()) - before;
    assert.ok(made <= seconds * 10 + 1 && made < 60, `${made} in ${seconds} s`);
  });
});

describe("a pod's own token", () => {
  it('gets a certificate for its pod alone', async () => {
    await letPodsAsk();
    const [mine, other] = [await newPod(), await newPod()];
    const asker = await world.asker(boundTo(mine));
    await world.whenReady(await requestAs(asker, mine));
    assert.match(await denial(await requestAs(asker, other)), /metadata\.ownerReferences must be pod/);
  });
});

describe('a policy', () => {
  const own = ['spiffe://cluster.local/ns/team/sa/app'];

  it('widens what the pods of a service account may have, and is looked at when it comes', async () => {
    const pod = await newPod({ namespace: 'team' });
    await world.createIssuer('ca', { ca: { secretName: 'ca' } }, 'team');
    await world.putCa({ namespace: 'team', name: 'ca' }, root);
    const request = await csrFor({ uris: own, dnsNames: ['shop.example.com'] });
    const spec = {
      selector: { namespace: { matchNames: ['team'] } },
      allowed: { uris: { values: own }, dnsNames: { values: ['shop.example.com'] } },
    };
    // Of another service account: it is asked for the one of the pod, and refused.
    await world.allow('shop', spec, { namespace: 'team', serviceAccount: 'other' });
    await whenLookedAt('shop');
    assert.match(
      await denial(await world.request({ namespace: 'team', pod, request })),
      /certmount-default: .*shop\.example\.com/,
    );
    const startedAt = Date.now();
    await world.cluster.apply(mayUse('shop', { kind: 'Group', name: 'system:serviceaccounts:team' }, 'team'));
    // The API server itself hears of the grant by a watch.
    const { status } = await eventually('the policy to be used', async () => {
      const key = await world.request({ namespace: 'team', pod, request });
      return world.whenReady(key, 'Issued', 2_000).catch(() => undefined);
    });
    assert.ok(Date.now() - startedAt < 15_000);
    const approved = getCondition(status?.conditions, 'Approved');
    assert.equal(approved?.reason, 'policy.cert-manager.io');
    assert.equal(approved.message, 'Approved by CertificateRequestPolicy: "shop"');
  });

  it('says whether it can be used', async () => {
    const resource = world.client.resource(certificateRequestPolicies);
    const allowed = (rule: string): object => ({ allowed: { uris: { validations: [{ rule }] } } });
    await resource.create({
      metadata: { name: 'broken' },
      spec: { selector: { issuerRef: {} }, ...allowed('self.nonsense(') },
    });
    assert.equal(await whenLookedAt('broken'), 'False NotReady');
    assert.equal(await whenLookedAt('certmount-default'), 'True Ready');
    await resource.patch({ name: 'broken' }, { spec: allowed('true') });
    assert.equal(await whenLookedAt('broken'), 'True Ready');
    await resource.patch({ name: 'broken' }, { spec: allowed("self == pod.spiffeId || self.matches('(')") });
    assert.equal(await whenLookedAt('broken'), 'False NotReady');
    await resource.delete({ name: 'broken' });
  });

  it('that another controller says something else of is left to that one', async () => {
    const resource = world.client.resource(certificateRequestPolicies);
    await resource.create({ metadata: { name: 'both' }, spec: { selector: { issuerRef: { name: 'x' } } } });
    await whenLookedAt('both');
    const theirs = { type: 'Ready', status: 'False', reason: 'Theirs', observedGeneration: 1 };
    const changeBack = async (): Promise<unknown> => {
      const { status } = await resource.get({ name: 'both' });
      const [present] = status?.conditions ?? [];
      if (present?.reason === 'Theirs') return true;
      const conditions = [{ lastTransitionTime: '2026-01-01T00:00:00Z', message: '', ...theirs }];
      await resource.patch({ name: 'both' }, { status: { conditions } }, { subresource: 'status' });
      // Long enough for an answer.
      await new Promise((resolve) => setTimeout(resolve, 300));
      return undefined;
    };
    await eventually('peace', changeBack);
    await resource.delete({ name: 'both' });
  });

  it('serves people too, when they may use it; what waits for it goes on by itself', async () => {
    const somebody = await world.asker({ user: 'jane', groups: ['developers'] });
    await letJaneAsk();
    const request = await csrFor({ dnsNames: ['jane.example.com'] });
    const key = await world.request({ as: somebody, request });
    await world.whenReady(await world.request());
    assert.deepEqual(world.conditions(key), []);
    await world.cluster.apply(mayUse('jane', { kind: 'User', name: 'jane' }));
    await world.client.resource(certificateRequestPolicies).create({
      metadata: { name: 'jane' },
      spec: {
        selector: { namespace: { matchLabels: { 'kubernetes.io/metadata.name': 'web' } } },
        allowed: { dnsNames: { values: ['*.example.com'] } },
      },
    });
    const { status } = await world.whenReady(key);
    assert.match(getCondition(status?.conditions, 'Approved')?.message ?? '', /"jane"/);
    const more = await world.request({ as: somebody, request: await csrFor({ dnsNames: ['example.org'] }) });
    assert.match(await denial(more), /example\.org/);
  });

  it('lets a request go on that waited for the right to use it', async () => {
    await world.cluster.apply(grant('jack-asks', create, { kind: 'User', name: 'jack' }));
    await world.client.resource(certificateRequestPolicies).create({
      metadata: { name: 'jack' },
      spec: { selector: { namespace: {} }, allowed: { dnsNames: { values: ['jack.example.com'] } } },
    });
    const key = await world.request({
      as: await world.asker({ user: 'jack', groups: ['developers'] }),
      request: await csrFor({ dnsNames: ['jack.example.com'] }),
    });
    await world.whenReady(await world.request());
    assert.deepEqual(world.conditions(key), []);
    await world.cluster.apply(mayUse('jack', { kind: 'User', name: 'jack' }));
    // It is looked at again anyway, but not so soon.
    await world.whenReady(key, 'Issued', 15_000);
  });

  it('that is deleted is made again when it is the default', async () => {
    const resource = world.client.resource(certificateRequestPolicies);
    const name = 'certmount-default';
    const { metadata } = await resource.get({ name });
    await resource.delete({ name });
    await eventually('another one', async () => {
      const found = await resource.get({ name }).catch(() => undefined);
      return (found && found.metadata.uid !== metadata.uid) || undefined;
    });
    await world.whenReady(await world.request());
  });
});

describe('a namespace that changes its labels', () => {
  it('lets requests go on that waited for it', async () => {
    await world.cluster.apply(grant('joe-asks', create, { kind: 'User', name: 'joe' }));
    const somebody = await world.asker({ user: 'joe', groups: ['developers'] });
    await world.cluster.apply(mayUse('labelled', { kind: 'User', name: 'joe' }));
    await world.client.resource(certificateRequestPolicies).create({
      metadata: { name: 'labelled' },
      spec: {
        selector: { issuerRef: { name: 'late' }, namespace: { matchLabels: { team: 'shop' } } },
        allowed: { dnsNames: { values: ['*'] } },
      },
    });
    const issuerRef = { name: 'late', kind: 'ClusterIssuer', group: 'cert-manager.io' };
    const key = await world.request({
      as: somebody,
      issuerRef,
      request: await csrFor({ dnsNames: ['a.net'] }),
    });
    await world.whenReady(await world.request());
    assert.deepEqual(world.conditions(key), []);
    await world.cluster.kubectl(['label', 'namespace', 'web', 'team=shop']);
    await eventually('its approval', () =>
      Promise.resolve(getCondition(world.conditions(key), 'Approved')?.status === 'True' || undefined),
    );
  });
});

describe('the controller of all this', () => {
  it('counted what it decided, and logged no trouble', async () => {
    const counted = (labels: string): Promise<number> =>
      controller.metric(`certmount_controller_approval_decisions_total{${labels}}`);
    assert.ok((await counted('decision="approved",reason="policy"')) >= 15);
    assert.ok((await counted('decision="denied",reason="policy"')) >= 3);
    assert.equal(await counted('decision="denied",reason="pod-elsewhere"'), 1);
    assert.ok((await controller.metric('certmount_controller_access_reviews_total{result="allowed"}')) >= 2);
    assert.deepEqual(
      controller
        .troubles()
        .filter(
          (line) => !/"message":"(not ready|another controller writes the Ready condition too)/.test(line),
        ),
      [],
    );
  });
});

/** As the driver of the pod's node would, with these credentials. */
async function requestAs(as: Asker, { metadata, spec: { nodeName = '' } }: Pod): Promise<ObjectKey> {
  made += 1;
  const { name = '', namespace = '', uid = '' } = metadata;
  const key = { namespace, name: `by-hand-${made}` };
  await as.client.resource(certificateRequests).create({
    metadata: {
      ...key,
      labels: { 'csi.certmount.io/driver': 'csi.certmount.io', 'csi.certmount.io/node': nodeName },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
    },
    spec: { request: base64(await newCsr()), issuerRef: { name: 'ca' }, duration: '24h', ...as.identity },
  });
  return key;
}

const rbac = 'rbac.authorization.k8s.io';
const create = [{ apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['create'] }];

async function letPodsAsk(): Promise<void> {
  await world.cluster.apply(grant('pods-ask', create, { kind: 'Group', name: 'system:serviceaccounts:web' }));
}

async function letJaneAsk(): Promise<void> {
  await world.cluster.apply(grant('jane-asks', create, { kind: 'User', name: 'jane' }));
}

function grant(
  name: string,
  rules: object[],
  who: { kind: string; name: string },
  namespace = 'web',
): object[] {
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ apiGroup: rbac, ...who }],
    },
  ];
}
