import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { workloadPod } from '../support/pods.ts';
import { prepareTwoNamespaces } from '../support/two-namespaces.ts';

interface Line {
  readonly peer?: string;
  readonly error?: string;
}

describe('pods that are annotated and have no volume in their manifest', { timeout: 240_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      components: { deploy: ['inject'] },
      workloadFiles: [
        { from: join(import.meta.dirname, 'workloads/spiffe-folder.mjs'), to: '/spiffe-folder.mjs' },
      ],
    });
    await prepareTwoNamespaces(cluster);
    const issuer = [
      'certmount.io/inject-issuer-name=mesh-ca',
      'certmount.io/inject-issuer-kind=ClusterIssuer',
    ];
    await kubectl('annotate', 'namespace', 'web', 'certmount.io/inject=true', ...issuer);
    await kubectl('annotate', 'namespace', 'store', ...issuer);
  });
  after(() => cluster?.stop());

  /** As its author writes it: no volume, no mount, no environment but of the test. */
  function bare(
    name: string,
    namespace: string,
    annotations: Readonly<Record<string, string>>,
    environment: Readonly<Record<string, string>> = {},
  ): object {
    const command = ['node', '/spiffe-folder.mjs'];
    const pod = workloadPod({ name, namespace, serviceAccount: name, command, environment }) as {
      metadata: object;
    };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }

  async function linesOf(namespace: string, name: string): Promise<Line[]> {
    const text = await kubectl('logs', '-n', namespace, name);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  }

  it('do mutual TLS with each other', async () => {
    await cluster.controlPlane.apply([bare('frontend', 'web', {})]);
    await kubectl('wait', '-n', 'web', 'pod/frontend', '--for=condition=Ready', '--timeout=30s');
    const address = await kubectl('get', 'pod', '-n', 'web', 'frontend', '-o', 'jsonpath={.status.podIP}');
    await cluster.controlPlane.apply([
      bare(
        'database',
        'store',
        { 'certmount.io/inject': 'true', 'certmount.io/inject-mount-path': '/identity' },
        { PEER_ADDRESS: address },
      ),
    ]);
    await kubectl('wait', '-n', 'store', 'pod/database', '--for=condition=Ready', '--timeout=30s');
    const [server, client] = await eventually('handshakes at both ends', async () => {
      const lines = [await linesOf('web', 'frontend'), await linesOf('store', 'database')] as const;
      return lines.every((seen) => seen.length >= 3) ? lines : undefined;
    });
    const peers = (lines: readonly Line[]): Set<string> =>
      new Set(lines.map(({ error, peer }) => error ?? peer ?? ''));
    assert.deepEqual(peers(server), new Set(['URI:spiffe://cluster.local/ns/store/sa/database']));
    assert.deepEqual(peers(client), new Set(['URI:spiffe://cluster.local/ns/web/sa/frontend']));
  });

  it('are let be by the kubelet as if they had asked by volume: the files are readable and read-only', async () => {
    const folder = '/var/run/secrets/certmount.io';
    const exec = (...command: string[]): Promise<string> =>
      kubectl('exec', '-n', 'web', 'frontend', '--', ...command);
    assert.match(await exec('ls', '-l', `${folder}/`), /credential-bundle\.private-key\.pem/);
    await assert.rejects(exec('touch', `${folder}/mine`), /Read-only file system/);
  });
});
