import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { workloadPod } from '../support/pods.ts';
import { prepareTwoNamespaces } from '../support/two-namespaces.ts';

interface Seen {
  readonly handshakes: number;
  readonly failures: number;
  readonly mismatches: number;
  readonly rotations: number;
  readonly serials: readonly string[];
  readonly lastFailure: string;
}

const issuer = { 'issuer-name': 'mesh-ca', 'issuer-kind': 'ClusterIssuer' };
const peer = ['node', '/peer.mjs'];

describe('pods with a volume', { timeout: 240_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      workloadFiles: [{ from: join(import.meta.dirname, 'workloads/peer.mjs'), to: '/peer.mjs' }],
    });
    await prepareTwoNamespaces(cluster);
  });
  after(() => cluster?.stop());

  it('do mutual TLS by SPIFFE ID across namespaces while one of them rotates, without a failed handshake', async () => {
    await cluster.controlPlane.apply([
      workloadPod({
        name: 'frontend',
        namespace: 'web',
        serviceAccount: 'frontend',
        attributes: { ...issuer, duration: '1m', 'renew-before': '51s' },
        command: peer,
        environment: { EXPECTED_PEER: 'spiffe://cluster.local/ns/store/sa/database' },
      }),
    ]);
    await kubectl('wait', '-n', 'web', 'pod/frontend', '--for=condition=Ready', '--timeout=30s');
    const address = await kubectl('get', 'pod', '-n', 'web', 'frontend', '-o', 'jsonpath={.status.podIP}');
    await cluster.controlPlane.apply([
      workloadPod({
        name: 'database',
        namespace: 'store',
        serviceAccount: 'database',
        attributes: issuer,
        command: peer,
        environment: { EXPECTED_PEER: 'spiffe://cluster.local/ns/web/sa/frontend', PEER_ADDRESS: address },
      }),
    ]);
    await kubectl('wait', '-n', 'store', 'pod/database', '--for=condition=Ready', '--timeout=30s');

    const [frontend, database] = await eventually(
      'five rotations under traffic',
      async () => {
        const reports = [await lastReport('web', 'frontend'), await lastReport('store', 'database')] as const;
        const [{ handshakes, rotations }, { serials }] = reports;
        // The watch on the folder tells of each rotation, a moment after it.
        return serials.length >= 6 && handshakes >= 50 && rotations >= 5 ? reports : undefined;
      },
      60_000,
    );
    assert.deepEqual([frontend.failures, frontend.mismatches], [0, 0], frontend.lastFailure);
    assert.deepEqual([database.failures, database.mismatches], [0, 0], database.lastFailure);
    assert.equal(frontend.serials.length, 1, 'the other pod kept its certificate');
    // One request a volume: the superseded ones are gone.
    await eventually('one request for the rotating volume', async () => {
      const names = (await kubectl('get', 'certificaterequest', '-n', 'web', '-o', 'name'))
        .trim()
        .split('\n');
      return names.length === 1 ? names : undefined;
    });
  });

  it('keep their files when the driver and the kubelet are restarted, and go on rotating', async () => {
    const before = await serialOf('store', 'database');
    const uid = await kubectl(
      'get',
      'pods',
      '-n',
      'certmount',
      '-l',
      'app.kubernetes.io/name=certmount-driver',
      '-o',
      'name',
    );
    await kubectl('delete', '-n', 'certmount', uid.trim(), '--wait=true', '--timeout=30s');
    await kubectl('rollout', 'status', '-n', 'certmount', 'daemonset/certmount-driver', '--timeout=60s');
    await cluster.node.restartKubelet();
    await cluster.node.whenReady();
    const after = await eventually('the kubelet to serve exec', () => serialOf('store', 'database'));
    assert.equal(after, before, 'nothing was issued anew');
    const rotated = (await lastReport('web', 'frontend')).rotations;
    await eventually(
      'the next rotation',
      async () => (await lastReport('web', 'frontend')).rotations > rotated || undefined,
    );
    const { failures, lastFailure } = await lastReport('store', 'database');
    assert.equal(failures, 0, lastFailure);
    await kubectl(
      'wait',
      '--for=condition=Ready',
      '-n',
      'certmount',
      'pod',
      '-l',
      'app.kubernetes.io/name=certmount-driver',
      '--timeout=30s',
    );
  });

  it('never start when the request is denied, and kubectl describe says why', async () => {
    // An issuer of another group: certmount's controller leaves the decision to others, here to this test.
    await cluster.controlPlane.apply([
      workloadPod({
        name: 'stranger',
        namespace: 'web',
        attributes: { 'issuer-name': 'corp', 'issuer-kind': 'CorpIssuer', 'issuer-group': 'corp.example' },
      }),
    ]);
    const request = await eventually('the request', async () => {
      const names = await kubectl('get', 'certificaterequest', '-n', 'web', '-o', 'name');
      return names.split('\n').find((name) => name.includes('/stranger-'));
    });
    const denied = {
      type: 'Denied',
      status: 'True',
      reason: 'Policy',
      message: 'strangers get nothing from corp',
    };
    await kubectl(
      'patch',
      '-n',
      'web',
      request,
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify({ status: { conditions: [denied] } })}`,
    );
    const events = await eventually('the reason among the events', async () => {
      const text = await kubectl('describe', 'pod', '-n', 'web', 'stranger');
      return text.includes('strangers get nothing from corp') ? text : undefined;
    });
    assert.match(
      events,
      /FailedMount .*code = PermissionDenied .*was denied: strangers get nothing from corp/,
    );
    const waiting = 'jsonpath={.status.containerStatuses[0].state.waiting.reason}';
    const state = await eventually('the status of the pod', async () => {
      return (await kubectl('get', 'pod', '-n', 'web', 'stranger', '-o', waiting)) || undefined;
    });
    assert.equal(state, 'ContainerCreating');
    assert.doesNotMatch(
      cluster.node.mountinfo(),
      new RegExp(await uidOf('web', 'stranger')),
      'nothing is mounted for it',
    );
  });

  it('leave no mount, file, request or timer when they are deleted', async () => {
    const uids = [
      await uidOf('web', 'frontend'),
      await uidOf('web', 'stranger'),
      await uidOf('store', 'database'),
    ];
    await kubectl('delete', 'pod', '--all', '-n', 'web', '--timeout=30s');
    await kubectl('delete', 'pod', '--all', '-n', 'store', '--timeout=30s');
    for (const ns of ['web', 'store']) {
      await eventually(`no request in ${ns}`, async () =>
        (await kubectl('get', 'certificaterequest', '-n', ns, '-o', 'name')) === '' ? true : undefined,
      );
    }
    for (const uid of uids) assert.ok(!cluster.node.mountinfo().includes(uid), 'no mount');
    const records = '/var/lib/kubelet/plugins/csi.certmount.io/volumes';
    assert.equal(await cluster.node.run('ls', ['-A', records]), '', 'no record');
    const metrics = await driverMetrics();
    for (const state of ['requested', 'refused', 'live', 'renewing']) {
      assert.match(metrics, new RegExp(`certmount_driver_volumes{state="${state}"} 0`));
    }
  });

  async function lastReport(ns: string, name: string): Promise<Seen> {
    const lines = await kubectl('logs', '-n', ns, name, '--tail=1');
    return JSON.parse(lines) as Seen;
  }

  function serialOf(ns: string, name: string): Promise<string> {
    return kubectl(
      'exec',
      '-n',
      ns,
      name,
      '--',
      'openssl',
      'x509',
      '-noout',
      '-serial',
      '-in',
      '/certs/tls.crt',
    );
  }

  function uidOf(ns: string, name: string): Promise<string> {
    return kubectl('get', 'pod', '-n', ns, name, '-o', 'jsonpath={.metadata.uid}');
  }

  async function driverMetrics(): Promise<string> {
    const address = await kubectl(
      'get',
      'pods',
      '-n',
      'certmount',
      '-l',
      'app.kubernetes.io/name=certmount-driver',
      '-o',
      'jsonpath={.items[0].status.podIP}',
    );
    const response = await fetch(`http://${address}:9402/metrics`);
    return response.text();
  }
});
