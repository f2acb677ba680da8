import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { IdentityDescription } from '../../src/cli/identity/describe-identity.ts';
import type { Verification } from '../../src/cli/verify/describe-verdict.ts';
import { root } from '../../tools/run-command.ts';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { podCertificateGates, podCertificatePod } from '../support/pod-certificates.ts';
import { workloadPod } from '../support/pods.ts';
import { prepareTwoNamespaces } from '../support/two-namespaces.ts';

interface Seen {
  readonly handshakes: number;
  readonly failures: number;
  readonly mismatches: number;
  readonly lastFailure: string;
}

const peer = ['node', '/peer.mjs'];

/** The kubelet of this version makes the requests itself; nothing of certmount runs for such a pod on the node. */
describe('a pod whose certificate comes by podCertificate', { timeout: 240_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      controlPlane: podCertificateGates,
      workloadFiles: [{ from: join(import.meta.dirname, 'workloads/peer.mjs'), to: '/peer.mjs' }],
    });
    await prepareTwoNamespaces(cluster);
  });
  after(() => cluster?.stop());

  it('does mutual TLS with a pod on a CSI volume, both by the anchors of the same issuer', async () => {
    await cluster.controlPlane.apply([
      podCertificatePod({
        name: 'frontend',
        namespace: 'web',
        serviceAccount: 'frontend',
        signer: 'certmount.io/mesh-ca',
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
        attributes: { 'issuer-name': 'mesh-ca', 'issuer-kind': 'ClusterIssuer' },
        command: peer,
        environment: { EXPECTED_PEER: 'spiffe://cluster.local/ns/web/sa/frontend', PEER_ADDRESS: address },
      }),
    ]);
    await kubectl('wait', '-n', 'store', 'pod/database', '--for=condition=Ready', '--timeout=30s');
    const reports = await eventually('fifty handshakes each way', async () => {
      const seen = [await lastReport('web', 'frontend'), await lastReport('store', 'database')];
      return seen.every(({ handshakes }) => handshakes >= 50) ? seen : undefined;
    });
    for (const { failures, lastFailure, mismatches } of reports) {
      assert.deepEqual([failures, mismatches], [0, 0], lastFailure);
    }
  });

  it('has the request that its kubelet made, answered in its one status write', async () => {
    const text = await kubectl('get', 'podcertificaterequests', '-n', 'web', '-o', 'json');
    const { items } = JSON.parse(text) as {
      items: {
        spec: Record<string, string | null>;
        status: { conditions: { type: string; message: string }[] };
      }[];
    };
    const [request, ...more] = items;
    assert.equal(more.length, 0);
    assert.equal(request?.spec['podName'], 'frontend');
    assert.ok((request.spec['stubPKCS10Request'] ?? '') !== '', 'as kubelets from 1.36 on ask');
    assert.deepEqual(
      request.status.conditions.map(({ type, message }) => [type, message]),
      [['Issued', 'Certificate issued by ClusterIssuer/mesh-ca']],
    );
  });

  it('is known to the command line, but for what only the kubelet knows', async () => {
    const identity = await certmount('identity', 'pod/frontend', '-nweb', '-ojson');
    assert.equal(identity.code, 0, identity.err + identity.out);
    const { unknown, volumes } = JSON.parse(identity.out) as IdentityDescription;
    const [volume] = volumes;
    assert.deepEqual(
      [volume?.identity.source, volume?.identity.spiffeId, volume?.identity.state, volume?.mounted],
      ['pod-certificate', 'spiffe://cluster.local/ns/web/sa/frontend', 'valid', null],
    );
    assert.deepEqual(
      volume?.timeline.map(({ at, step }) => [step, at !== null]),
      [
        ['requested', true],
        ['issued', true],
      ],
    );
    assert.equal(unknown.length, 1);
    const verified = await certmount('verify', 'frontend', '-n', 'web', '-p', '8443', '-o', 'json');
    assert.equal(verified.code, 0, verified.err + verified.out);
    const { expired, issued, mounted, result, served } = JSON.parse(verified.out) as Verification;
    assert.deepEqual([result, expired, mounted], ['match', false, null]);
    assert.equal(served.fingerprint, issued?.fingerprint);
  });

  it('is told by its events why it has none', async () => {
    await cluster.controlPlane.apply([
      podCertificatePod({
        name: 'mistaken',
        namespace: 'web',
        serviceAccount: 'frontend',
        signer: 'certmount.io/mesh-ca',
        userAnnotations: { 'certmount.io/dns-name': 'frontend.web' },
      }),
      podCertificatePod({
        name: 'early',
        namespace: 'web',
        serviceAccount: 'frontend',
        signer: 'certmount.io/late-ca',
      }),
    ]);
    for (const [pod, said] of [
      ['mistaken', /did you mean certmount\.io\/dns-names\?/],
      ['early', /IssuerNotFound .*there is no ClusterIssuer\/late-ca/],
    ] as const) {
      await eventually(`the events of ${pod}`, async () =>
        said.test(await kubectl('describe', 'pod', '-n', 'web', pod)) ? true : undefined,
      );
    }
  });

  /** The bundle, as people install it. */
  function certmount(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
    const bundle = ['--disable-warning=ExperimentalWarning', join(root, 'dist/certmount.mjs')];
    const env = { ...process.env, KUBECONFIG: cluster.controlPlane.adminKubeconfig };
    return new Promise((resolve) => {
      execFile(process.execPath, [...bundle, ...args], { env, timeout: 60_000 }, (error, out, err) =>
        resolve({ code: error === null ? 0 : error.code, out, err }),
      );
    });
  }

  async function lastReport(ns: string, name: string): Promise<Seen> {
    const lines = await kubectl('logs', '-n', ns, name, '--tail=1');
    return JSON.parse(lines) as Seen;
  }
});
