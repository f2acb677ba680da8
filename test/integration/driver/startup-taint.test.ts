import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Node, nodes, type Taint } from '../../../src/api/core.ts';
import { StartupTaint } from '../../../src/driver/startup-taint.ts';
import { isKubeError, KubeClient, type Resource, systemClock } from '../../../src/kube/index.ts';
import { silentLogger } from '../../../src/runtime/log.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { writeOverlay } from '../../support/overlay.ts';

const ours: Taint = { key: 'certmount.io/agent-not-ready', effect: 'NoSchedule' };
const other: Taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };

describe('the startup taint, with the rights that the component gives', { timeout: 120_000 }, () => {
  let cluster: ControlPlane;
  let clients: KubeClient[];
  let admin: Resource<Node>;
  let driver: Resource<Node>;

  before(async () => {
    cluster = await startControlPlane({ controllerManager: false });
    await cluster.applyPath(writeOverlay(cluster.dir, 'daemonset', ['startup-taint']));
    await cluster.apply([
      newNode('node-a', []),
      newNode('node-b', [ours]),
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: 'certmount', name: 'driver' },
        spec: {
          nodeName: 'node-a',
          serviceAccountName: 'certmount-driver',
          containers: [{ name: 'driver', image: 'none' }],
        },
      },
    ]);
    const uid = await cluster.kubectl([
      'get',
      'pod',
      '-n',
      'certmount',
      'driver',
      '-o',
      'jsonpath={.metadata.uid}',
    ]);
    const serviceAccount = {
      namespace: 'certmount',
      name: 'certmount-driver',
      boundPod: { name: 'driver', uid },
    };
    clients = [await cluster.connection('admin'), await cluster.connection({ serviceAccount })].map(
      (connection) =>
        new KubeClient({ connection, userAgent: 'test' }, { clock: systemClock, random: Math.random }),
    );
    const [first, second] = clients.map((client) => client.resource(nodes));
    admin = first ?? assert.fail();
    driver = second ?? assert.fail();
    // Policies take effect when the API server has compiled them.
    for (let tries = 0; tries < 100; tries++) {
      if ((await refusal('node-b', { metadata: { labels: { compiled: 'no' } } })) !== undefined) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail('the policy never took effect');
  });
  after(async () => {
    for (const client of clients ?? []) client.close();
    await cluster?.stop();
  });

  beforeEach(async () => {
    for (const name of ['node-a', 'node-b']) {
      const body = { metadata: { labels: { zone: 'one', compiled: null } }, spec: { taints: [ours, other] } };
      await admin.patch({ name }, body);
    }
  });

  it('is removed from the own node, once and for all, and nothing else of it', async () => {
    const lines: string[] = [];
    const startupTaint = new StartupTaint(
      { nodeName: 'node-a' },
      {
        nodes: driver,
        clock: systemClock,
        random: Math.random,
        log: { ...silentLogger, info: (_fields, message) => lines.push(message) },
      },
    );
    const { signal } = new AbortController();
    await startupTaint.remove(signal);
    assert.deepEqual(await taintsOf('node-a'), [other]);
    assert.deepEqual(await taintsOf('node-b'), [ours, other]);
    assert.deepEqual(lines, ['removed the startup taint of the node']);
  });

  it('is found out of date when somebody changes the node meanwhile', async () => {
    const { metadata } = await driver.get({ name: 'node-a' });
    await admin.patch({ name: 'node-a' }, { metadata: { labels: { zone: 'two' } } });
    await assert.rejects(
      driver.patch(
        { name: 'node-a' },
        { metadata: { resourceVersion: metadata.resourceVersion }, spec: { taints: [other] } },
      ),
      (error) => isKubeError(error, 'conflict'),
    );
  });

  it('is all that the driver may change, and only of its own node', async () => {
    const own = /no node but the one that its credentials are bound to/;
    const taints = /may remove the taint certmount\.io\/agent-not-ready and change no other/;
    const rest = /nothing of a node but its taints/;
    for (const [name, body, message] of [
      ['node-b', { spec: { taints: [other] } }, own],
      ['node-a', { spec: { taints: [ours] } }, taints],
      ['node-a', { spec: { taints: [] } }, taints],
      ['node-a', { spec: { taints: null } }, taints],
      ['node-a', { spec: { taints: [{ ...other, effect: 'NoExecute' }] } }, taints],
      ['node-a', { spec: { taints: [other, { ...other, key: 'mine' }] } }, taints],
      ['node-a', { spec: { unschedulable: true } }, rest],
      ['node-a', { spec: { taints: [other], unschedulable: true } }, rest],
      ['node-a', { metadata: { labels: { zone: 'two' } } }, rest],
      ['node-a', { metadata: { labels: { zone: null } } }, rest],
      ['node-a', { metadata: { annotations: { a: 'b' } } }, rest],
      ['node-a', { metadata: { finalizers: ['certmount.io/x'] } }, rest],
      ['node-a', { spec: { providerID: 'cloud://x' } }, rest],
    ] as const) {
      assert.match((await refusal(name, body)) ?? 'taken', message, JSON.stringify(body));
    }
    assert.deepEqual(await taintsOf('node-a'), [ours, other]);
    await assert.rejects(
      driver.patch({ name: 'node-a' }, { status: { phase: 'x' } }, { subresource: 'status' }),
      (error) => isKubeError(error, 'forbidden'),
    );
    assert.equal(await refusal('node-a', { spec: { taints: [other] } }), undefined);
  });

  async function taintsOf(name: string): Promise<Taint[] | undefined> {
    return (await admin.get({ name })).spec.taints;
  }

  /** What the API server says against this change by the driver; undefined when it takes it. */
  async function refusal(name: string, body: object): Promise<string | undefined> {
    try {
      await driver.patch({ name }, body);
      return undefined;
    } catch (error) {
      if (isKubeError(error, 'forbidden', 'invalid')) return error.message;
      throw error;
    }
  }
});

function newNode(name: string, taints: readonly Taint[]): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { taints } };
}
