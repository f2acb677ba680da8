import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { type ClusterNode, startNode } from '../cluster/node.ts';
import { waitUntil } from '../cluster/process/managed-process.ts';
import { mountsUnder } from '../cluster/record/remove-cluster.ts';
import { assertNothingLeft, processesOf, temporaryRoot } from './support.ts';

describe('a node', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
  const { root, remove } = temporaryRoot();
  let controlPlane: ControlPlane;
  let node: ClusterNode;
  before(async () => {
    controlPlane = await startControlPlane({ root, nodes: true });
    node = await startNode(controlPlane);
  });
  after(async () => {
    await controlPlane.stop();
    remove();
  });

  it('runs a pod, with logs, exec and an address that this machine reaches', async () => {
    await controlPlane.apply(pod('server', 'echo started; echo hello > /tmp/hello; httpd -f -p 8080'));
    await ready('server');
    assert.equal(await controlPlane.kubectl(['logs', 'server']), 'started\n');
    assert.equal(await controlPlane.kubectl(['exec', 'server', '--', 'cat', '/tmp/hello']), 'hello\n');
    const socket = connect(8080, await podAddress('server'));
    await once(socket, 'connect');
    socket.destroy();
  });

  it('gives pods the API server at its usual place', async () => {
    const connectTo = 'nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null';
    await controlPlane.apply(
      pod('client', `${connectTo} && echo reached $KUBERNETES_SERVICE_HOST; sleep 1000`),
    );
    await ready('client');
    await waitUntil(async () => (await controlPlane.kubectl(['logs', 'client'])) !== '', logWait);
    assert.equal(await controlPlane.kubectl(['logs', 'client']), `reached ${controlPlane.server.hostname}\n`);
  });

  it('shows what a pod mounts with Bidirectional propagation, inside the node and not outside', async () => {
    const target = `${node.kubeletDir}/certmount-test`;
    const { metadata, spec, ...rest } = pod(
      'mounter',
      `mkdir ${target} && mount -t tmpfs tmpfs ${target} && echo x > ${target}/file; sleep 1000`,
    );
    const [container] = spec.containers;
    const volumeMounts = [{ name: 'kubelet', mountPath: node.kubeletDir, mountPropagation: 'Bidirectional' }];
    const volumes = [{ name: 'kubelet', hostPath: { path: node.kubeletDir } }];
    const containers = [{ ...container, volumeMounts, securityContext: { privileged: true } }];
    await controlPlane.apply({ ...rest, metadata, spec: { ...spec, containers, volumes } });
    await ready('mounter');
    await waitUntil(() => node.mountinfo().includes(target), { what: 'the mount', timeoutMs: 10_000 });
    assert.match(node.mountinfo(), new RegExp(` ${target} .* tmpfs `));
    assert.equal(readFileSync(node.path(`${target}/file`), 'utf8'), 'x\n');
    assert.match(await node.run('cat', ['/proc/self/mountinfo']), new RegExp(target));
    assert.deepEqual(mountsUnder(controlPlane.dir), []);
  });

  it('keeps its pods when the kubelet is killed, and runs new ones when it is back', async () => {
    await node.killKubelet();
    assert.match(await node.run('ps', ['-e']), /httpd|busybox/);
    await node.startKubelet();
    await controlPlane.apply(pod('later', 'sleep 1000'));
    await ready('later');
    assert.match(
      await controlPlane.kubectl([
        'get',
        'pod',
        'server',
        '--output=jsonpath={.status.containerStatuses[0].restartCount}',
      ]),
      /^0$/,
    );
  });

  it("has room for a second node beside it, whose pods reach the first one's", async () => {
    const second = await startNode(controlPlane);
    assert.equal(second.name, 'node-2');
    const address = await podAddress('server');
    const base = pod('visitor', `wget -q -O - http://${address}:8080/tmp/hello; sleep 1000`);
    await controlPlane.apply({ ...base, spec: { ...base.spec, nodeName: second.name } });
    await ready('visitor');
    await waitUntil(async () => (await controlPlane.kubectl(['logs', 'visitor'])) !== '', logWait);
    assert.equal(await controlPlane.kubectl(['logs', 'visitor']), 'hello\n');
    await second.stop();
    assert.throws(() => second.path('/'), /is stopped/);
    assert.equal(await controlPlane.kubectl(['get', 'nodes', '--output=name']), 'node/node-1\n');
  });

  it('leaves no process, mount, interface or control group when the cluster is stopped', async () => {
    const { state } = controlPlane.record;
    const processes = processesOf(state);
    assert.ok(processes.length > 10);
    await controlPlane.stop();
    assertNothingLeft(controlPlane.dir, state, processes);
  });

  async function ready(name: string): Promise<void> {
    await controlPlane.kubectl(['wait', `pod/${name}`, '--for=condition=Ready', '--timeout=30s']);
  }

  async function podAddress(name: string): Promise<string> {
    return await controlPlane.kubectl(['get', 'pod', name, '--output=jsonpath={.status.podIP}']);
  }
});

const logWait = { what: "the pod's log", timeoutMs: 20_000, intervalMs: 200 };

function pod(name: string, script: string) {
  const container = {
    name: 'c',
    image: 'certmount.io/test/busybox:1',
    imagePullPolicy: 'Never',
    command: ['sh', '-c', script],
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  };
}
