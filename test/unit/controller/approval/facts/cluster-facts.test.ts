import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Node, Pod, Service } from '../../../../../src/api/core.ts';
import { ClusterFacts } from '../../../../../src/controller/approval/facts/cluster-facts.ts';
import type { Facts } from '../../../../../src/controller/approval/facts/facts.ts';
import type { KubeObject } from '../../../../../src/kube/index.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { WatchedApi, watchedMetadata } from '../support/watched-api.ts';

/** Facts of an API server of pods, services and nodes. */
class Cluster extends WatchedApi {
  readonly clock = new FakeClock();
  readonly facts = new ClusterFacts({
    client: this.client,
    clock: this.clock,
    random: () => 0.5,
    metrics: { readLive: () => {} },
    onError: (_, error) => assert.fail(String(error)),
    onRelabelled: () => {},
  });

  async run(t: TestContext): Promise<this> {
    const stop = new AbortController();
    const ended = this.facts.run(stop.signal);
    t.after(async () => {
      stop.abort();
      if (this.stuck.size === 0) await ended;
    });
    await settle();
    return this;
  }
}

function pod(name: string, ips: string[], spec: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: watchedMetadata(name, 'web'),
    spec: { nodeName: 'a', ...spec },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  };
}

function node(name: string, ...addresses: [type: string, address: string][]): Node {
  return {
    metadata: watchedMetadata(name),
    spec: {},
    status: { addresses: addresses.map(([type, address]) => ({ type, address })) },
  };
}

function service(name: string, spec: Service['spec'], ...ingress: string[]): Service {
  const status = { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } };
  return { metadata: watchedMetadata(name, 'other'), spec, status };
}

async function ips(facts: Facts, name = 'mine'): Promise<string[]> {
  return (await facts.pod('web', name))?.status?.podIPs?.map(({ ip }) => ip) ?? [];
}

interface World {
  readonly pods?: Pod[];
  readonly services?: Service[];
  readonly nodes?: Node[];
}

async function start(
  t: TestContext,
  { nodes = [node('a')], pods = [], services = [] }: World,
): Promise<Cluster> {
  const cluster = new Cluster();
  Object.assign(cluster.objects, { pods, services, nodes });
  return cluster.run(t);
}

describe("a pod's own addresses", () => {
  it('are those of its status that nobody else has', async (t) => {
    const { facts, reads } = await start(t, {
      pods: [pod('mine', ['10.0.0.7', 'FD00:0::7']), pod('b', ['10.0.0.8'])],
    });
    assert.deepEqual(await ips(facts.watched), ['10.0.0.7', 'fd00::7']);
    assert.deepEqual(reads, []);
    assert.deepEqual(await ips(facts.live), ['10.0.0.7', 'fd00::7']);
    assert.deepEqual(reads, ['pods mine']);
  });

  const forged: readonly (readonly [string, World])[] = [
    [
      "a service's",
      { services: [service('s', { clusterIP: '10.9.0.1', clusterIPs: ['10.9.0.1', '2001:db8::1'] })] },
    ],
    [
      "a service's external address",
      { services: [service('s', { externalIPs: ['10.9.0.1', '2001:db8:0::1'] })] },
    ],
    ["a load balancer's", { services: [service('s', {}, '10.9.0.1', '2001:db8::1')] }],
    ["another pod's", { pods: [pod('victim', ['10.9.0.1', '2001:db8::1'])] }],
    [
      "a node's",
      { nodes: [node('a'), node('b', ['InternalIP', '10.9.0.1'], ['ExternalIP', '2001:db8::1'])] },
    ],
    ["its own node's", { nodes: [node('a', ['InternalIP', '10.9.0.1'], ['InternalIP', '2001:db8::1'])] }],
  ];
  for (const [whose, world] of forged) {
    it(`are not ${whose}, in whatever way it is written`, async (t) => {
      const mine = pod('mine', ['::ffff:10.9.0.1', '2001:0DB8::1', '10.0.0.7']);
      const { facts } = await start(t, { ...world, pods: [mine, ...(world.pods ?? [])] });
      assert.deepEqual(await ips(facts.watched), ['10.0.0.7']);
      assert.deepEqual(await ips(facts.live), ['10.0.0.7']);
    });
  }

  it('are none that mean another machine on each machine', async (t) => {
    const everywhere = [
      '127.0.0.1',
      '0.0.0.0',
      '169.254.169.254',
      '224.0.0.1',
      '::1',
      '::',
      'fe80::1',
      'ff02::1',
    ];
    const { facts } = await start(t, { pods: [pod('mine', [...everywhere, '240.0.0.1'])] });
    assert.deepEqual(await ips(facts.watched), ['240.0.0.1']);
  });

  it('are on the host network the internal addresses of its node, and those of no other', async (t) => {
    const onHost = (name: string, ...addresses: string[]): Pod => pod(name, addresses, { hostNetwork: true });
    const nodes = [
      node('a', ['InternalIP', '10.8.0.1'], ['ExternalIP', '192.0.2.1'], ['InternalIP', '10.8.0.9']),
      node('b', ['InternalIP', '10.8.0.2'], ['InternalIP', '10.8.0.9']),
    ];
    const mine = onHost('mine', '10.8.0.1', '192.0.2.1', '10.8.0.2', '10.8.0.9', '10.8.0.3');
    const { facts } = await start(t, {
      nodes,
      pods: [mine, onHost('second', '10.8.0.1'), pod('c', ['10.8.0.4'])],
    });
    for (const look of [facts.watched, facts.live]) {
      assert.deepEqual(await ips(look), ['10.8.0.1']);
      assert.deepEqual(await ips(look, 'second'), ['10.8.0.1']);
    }
  });

  it('become its own when the other one is gone, and are not while one more has them', async (t) => {
    const [second, third] = [pod('second', ['10.0.0.7']), pod('third', ['10.0.0.7'])];
    const taken = service('s', { externalIPs: ['10.0.0.7'] });
    const cluster = await start(t, { pods: [pod('mine', ['10.0.0.7']), second, third], services: [taken] });
    const { watched } = cluster.facts;
    cluster.tell('pods', 'MODIFIED', { ...pod('second', ['10.0.0.9']) });
    assert.deepEqual(await ips(watched), []);
    // As it was before its last change, which is what a deletion may tell of.
    cluster.tell('pods', 'DELETED', {
      ...third,
      metadata: watchedMetadata('third', 'web'),
      status: {},
    } as KubeObject);
    assert.deepEqual(await ips(watched), []);
    cluster.tell('services', 'MODIFIED', { ...service('s', {}) });
    assert.deepEqual(await ips(watched), ['10.0.0.7']);
    cluster.tell('pods', 'ADDED', pod('fourth', ['10.0.0.7']));
    assert.deepEqual(await ips(watched), []);
  });

  it('are read anew where the watch may be behind, and not of many who share one', async (t) => {
    const others = [1, 2, 3].map((n) => pod(`other-${n}`, ['10.0.0.7']));
    const cluster = await start(t, { pods: [pod('mine', ['10.0.0.7']), ...others] });
    const { live, watched } = cluster.facts;
    cluster.objects['pods'] = [
      pod('mine', ['10.0.0.7']),
      pod('other-1', ['10.0.0.8']),
      { ...pod('other-2', ['10.0.0.7']), status: { phase: 'Failed', podIPs: [{ ip: '10.0.0.7' }] } },
    ];
    assert.deepEqual(await ips(watched), []);
    assert.deepEqual(await ips(live), ['10.0.0.7']);
    for (let n = 0; n < 100; n++) cluster.tell('pods', 'ADDED', pod(`more-${n}`, ['10.0.0.7']));
    cluster.reads.length = 0;
    assert.deepEqual(await ips(live), []);
    assert.deepEqual(cluster.reads, ['pods mine']);
  });

  it('are none as long as it is not known who else has them, and before a denial that is waited for', async (t) => {
    const cluster = new Cluster();
    cluster.stuck.add('services');
    cluster.objects['pods'] = [pod('mine', ['10.0.0.7']), { ...pod('bare', []) }];
    await cluster.run(t);
    const { live, watched } = cluster.facts;
    assert.deepEqual(await ips(watched), []);
    assert.equal((await live.pod('web', 'bare'))?.metadata.name, 'bare');
    const asked = assert.rejects(ips(live), {
      reason: 'unavailable',
      message: /not known yet which addresses/,
    });
    await settle();
    await cluster.clock.advance(5_000);
    await asked;
  });
});
