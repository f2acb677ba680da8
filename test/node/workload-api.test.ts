import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildGoSpiffe } from '../applications/go-spiffe/build.ts';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { workloadPod } from '../support/pods.ts';
import { prepareTwoNamespaces } from '../support/two-namespaces.ts';

/** A line of test/applications/go-spiffe. */
interface Line {
  readonly event: 'identity' | 'peer' | 'listening' | 'failed' | 'ended';
  readonly id?: string;
  readonly serial?: string;
  readonly error?: string;
}

const attributes = {
  'issuer-name': 'mesh-ca',
  'issuer-kind': 'ClusterIssuer',
  'workload-api': 'true',
};
const environment = { SPIFFE_ENDPOINT_SOCKET: 'unix:///certs/workload-api.sock' };
const frontend = 'spiffe://cluster.local/ns/web/sa/frontend';
const database = 'spiffe://cluster.local/ns/store/sa/database';

describe('pods with go-spiffe, which know of nothing but the Workload API', { timeout: 240_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    const log = (line: string): void => console.error(line);
    const program = await buildGoSpiffe(log);
    cluster = await startCertmountCluster({
      log,
      workloadFiles: [{ from: program, to: '/go-spiffe', mode: 0o755 }],
    });
    await prepareTwoNamespaces(cluster);
  });
  after(() => cluster?.stop());

  it('do mutual TLS by SPIFFE ID and follow the rotation of one of them', async () => {
    await cluster.controlPlane.apply([
      workloadPod({
        name: 'database',
        namespace: 'store',
        serviceAccount: 'database',
        attributes: { ...attributes, duration: '1m', 'renew-before': '48s' },
        command: ['/go-spiffe', 'server', ':8443', frontend],
        environment,
      }),
    ]);
    await kubectl('wait', '-n', 'store', 'pod/database', '--for=condition=Ready', '--timeout=30s');
    const address = await kubectl('get', 'pod', '-n', 'store', 'database', '-o', 'jsonpath={.status.podIP}');
    await cluster.controlPlane.apply([
      workloadPod({
        name: 'frontend',
        namespace: 'web',
        serviceAccount: 'frontend',
        attributes,
        command: ['/go-spiffe', 'client', `${address}:8443`, 'spiffe://cluster.local'],
        environment,
      }),
    ]);
    const [client, server] = await eventually(
      'three certificates of the server, as seen by the client',
      async () => {
        const lines = [await linesOf('web', 'frontend'), await linesOf('store', 'database')] as const;
        return serials(lines[0], 'peer').length >= 3 ? lines : undefined;
      },
      60_000,
    );
    assert.deepEqual(new Set(ids(client, 'identity')), new Set([frontend]));
    assert.deepEqual(new Set(ids(client, 'peer')), new Set([database]));
    assert.deepEqual(new Set(ids(server, 'identity')), new Set([database]));
    assert.deepEqual(new Set(ids(server, 'peer')), new Set([frontend]));
    assert.equal(serials(client, 'identity').length, 1, 'the client kept its certificate');
    for (const serial of serials(client, 'peer')) assert.ok(serials(server, 'identity').includes(serial));
    assert.deepEqual(failures([...client, ...server]), [], 'no handshake failed');
  });

  it('reconnect when the driver is replaced, and see the next rotation', async () => {
    const driver = ['-n', 'certmount', '-l', 'app.kubernetes.io/name=certmount-driver'];
    await kubectl('delete', 'pod', ...driver, '--wait=true', '--timeout=30s');
    await kubectl('rollout', 'status', '-n', 'certmount', 'daemonset/certmount-driver', '--timeout=60s');
    const before = serials(await linesOf('store', 'database'), 'identity');
    const [client, server] = await eventually(
      'two more certificates of the server, and the client to be served again',
      async () => {
        const lines = [await linesOf('web', 'frontend'), await linesOf('store', 'database')] as const;
        const seen = serials(lines[0], 'peer').filter((serial) => !before.includes(serial));
        const reconnected = serials(lines[0], 'identity').length >= 2;
        return seen.length >= 2 && reconnected ? lines : undefined;
      },
      60_000,
    );
    const own = new Set(serials(client, 'identity'));
    assert.equal(own.size, 1, 'the client got the same certificate again, not another one');
    assert.deepEqual(failures([...client, ...server]), [], 'no handshake failed meanwhile');
  });

  it('leave no mount when they are deleted with their connections open', async () => {
    const uids = [await uidOf('web', 'frontend'), await uidOf('store', 'database')];
    await kubectl('delete', 'pod', '-n', 'web', 'frontend', '--timeout=30s');
    await kubectl('delete', 'pod', '-n', 'store', 'database', '--timeout=30s');
    for (const uid of uids) assert.ok(!cluster.node.mountinfo().includes(uid));
  });

  async function linesOf(ns: string, name: string): Promise<Line[]> {
    const text = await kubectl('logs', '-n', ns, name);
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  }

  function uidOf(ns: string, name: string): Promise<string> {
    return kubectl('get', 'pod', '-n', ns, name, '-o', 'jsonpath={.metadata.uid}');
  }
});

function serials(lines: readonly Line[], event: Line['event']): string[] {
  return lines.filter((line) => line.event === event).map(({ serial = '' }) => serial);
}

function ids(lines: readonly Line[], event: Line['event']): string[] {
  return lines.filter((line) => line.event === event).map(({ id = '' }) => id);
}

function failures(lines: readonly Line[]): Line[] {
  return lines.filter(({ event }) => event === 'failed' || event === 'ended');
}
