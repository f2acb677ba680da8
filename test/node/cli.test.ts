import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import type { IdentityRow } from '../../src/cli/identities/identity-row.ts';
import type { IdentityDescription } from '../../src/cli/identity/describe-identity.ts';
import type { Verification } from '../../src/cli/verify/describe-verdict.ts';
import { encodePrivateKey } from '../../src/pki/index.ts';
import { root } from '../../tools/run-command.ts';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { serviceAccount, workloadPod } from '../support/pods.ts';
import { prepareTwoNamespaces } from '../support/two-namespaces.ts';
import { makeRoot } from '../unit/pki/support/builders.ts';

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const issuer = { 'issuer-name': 'mesh-ca', 'issuer-kind': 'ClusterIssuer' };

describe('the command line', { timeout: 240_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      workloadFiles: [{ from: join(import.meta.dirname, 'workloads/tls-server.mjs'), to: '/tls-server.mjs' }],
    });
    await prepareTwoNamespaces(cluster);
    const mine = await makeRoot('mine');
    const server = (
      name: string,
      environment: Record<string, string>,
      attributes: Record<string, string>,
    ): object =>
      workloadPod({
        name,
        namespace: 'web',
        serviceAccount: 'frontend',
        attributes: { ...issuer, ...attributes },
        command: ['node', '/tls-server.mjs'],
        environment,
      });
    const seldom = { duration: '10m', 'renew-before': '1m' };
    // Every five to ten seconds.
    const often = { duration: '3m', 'renew-before': '2m32s' };
    await cluster.controlPlane.apply([
      server('steady', {}, seldom),
      server('old-tls', { TLS_VERSION: 'TLSv1.2' }, seldom),
      server('reloading', { RELOAD: 'true' }, often),
      server('forgetful', {}, often),
      server('stubborn', { OWN_PEM: encodePrivateKey(mine.key, 'PKCS8') + mine.certificate.pem }, seldom),
    ]);
    for (const name of ['steady', 'old-tls', 'reloading', 'forgetful', 'stubborn'])
      await kubectl('wait', '-n', 'web', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  });
  after(() => cluster?.stop());

  /** The bundle, as people install it. */
  function certmount(...args: string[]): Promise<Answer> {
    return run(cluster.controlPlane.adminKubeconfig, args);
  }

  function run(kubeconfig: string, args: readonly string[]): Promise<Answer> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', join(root, 'dist/certmount.mjs'), ...args],
        { env: { ...process.env, KUBECONFIG: kubeconfig }, timeout: 60_000 },
        (error, out, err) =>
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err }),
      );
    });
  }

  /** @returns the kubeconfig of a service account with these rights */
  async function somebodyWho(name: string, ...rules: readonly object[]): Promise<string> {
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    await cluster.controlPlane.apply([
      serviceAccount('web', name),
      { apiVersion, kind: 'ClusterRole', metadata: { name }, rules },
      {
        apiVersion,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'web' }],
      },
    ]);
    return cluster.controlPlane.kubeconfig({ serviceAccount: { namespace: 'web', name } });
  }

  const serialOf = async (pod: string): Promise<string> => {
    const line = ['openssl', 'x509', '-noout', '-serial', '-in', '/certs/tls.crt'];
    return (await kubectl('exec', '-n', 'web', pod, '--', ...line)).trim().replace('serial=', '');
  };

  it('lists every identity with what the certificate itself says', async () => {
    const { code, err, out } = await certmount('identities', '-A', '-o', 'json');
    assert.equal(code, 0, err);
    const { identities } = JSON.parse(out) as { identities: IdentityRow[] };
    const steady = identities.find(({ pod }) => pod === 'steady') ?? assert.fail(out);
    assert.equal(steady.serialNumber, await serialOf('steady'));
    assert.deepEqual(
      [steady.source, steady.spiffeId, steady.issuer, steady.state],
      ['csi', 'spiffe://cluster.local/ns/web/sa/frontend', 'ClusterIssuer/mesh-ca', 'valid'],
    );
    const table = await certmount('identities', '-n', 'web', '--node', steady.node ?? '');
    assert.match(
      table.out,
      /^NAMESPACE +POD +VOLUME +NODE +IDENTITY +ISSUER +SERIAL +EXPIRES +RENEWS +STATE\n/,
    );
    assert.match(
      table.out,
      /^web +steady +certs +\S+ +spiffe:\/\/cluster\.local\/ns\/web\/sa\/frontend +ClusterIssuer\/mesh-ca /m,
    );
    const elsewhere = await certmount('identities', '--node', 'no-such-node');
    assert.deepEqual([elsewhere.code, elsewhere.out, elsewhere.err], [0, '', 'No identities found.\n']);
  });

  it('shows the way of a certificate from the request into the volume', async () => {
    const { code, err, out } = await certmount('identity', 'steady', '-n', 'web', '-o', 'json');
    assert.equal(code, 0, err + out);
    const { unknown, volumes } = JSON.parse(out) as IdentityDescription;
    assert.deepEqual(unknown, []);
    const [volume] = volumes;
    assert.deepEqual(
      volume?.timeline.map(({ step }) => step),
      ['requested', 'approved', 'signed', 'written'],
    );
    const times = volume?.timeline.map(({ at }) => Date.parse(at ?? '')) ?? [];
    assert.ok(
      times.every((time, index) => index === 0 || time >= (times[index - 1] ?? NaN)),
      out,
    );
    assert.equal(volume?.mounted?.serialNumber, await serialOf('steady'));
    assert.equal(volume?.mounted?.anchors.length, 1);
    assert.equal(volume?.nextRenewal, volume?.mounted?.renewAt);
    assert.doesNotMatch(out, /PRIVATE KEY/);
    const text = await certmount('identity', 'steady', '-n', 'web');
    assert.match(text.out, /written +20\d\d-\S+Z/);
  });

  it('says why a certificate does not come', async () => {
    await cluster.controlPlane.apply([
      workloadPod({
        name: 'stranger',
        namespace: 'web',
        attributes: { 'issuer-name': 'corp', 'issuer-kind': 'CorpIssuer', 'issuer-group': 'corp.example' },
      }),
    ]);
    const text = await eventually('the request', async () => {
      const { out } = await certmount('identity', 'stranger', '-n', 'web');
      return out.includes('is not approved') ? out : undefined;
    });
    assert.match(text, /State: +pending/);
    assert.match(text, /CertificateRequest stranger-\S+ is not approved/);
    await kubectl('delete', 'pod', '-n', 'web', 'stranger', '--wait=false');
  });

  it('proves that a server serves what is mounted, with TLS 1.3 and 1.2, though it wants a certificate itself', async () => {
    for (const pod of ['steady', 'old-tls']) {
      const { code, err, out } = await certmount('verify', pod, '-n', 'web', '--port', '8443', '-o', 'json');
      assert.equal(code, 0, err + out);
      const { issued, mounted, result, served } = JSON.parse(out) as Verification;
      assert.equal(result, 'match');
      assert.equal(served.serialNumber, await serialOf(pod));
      assert.equal(served.fingerprint, mounted?.fingerprint);
      assert.equal(served.fingerprint, issued?.fingerprint);
    }
  });

  it('finds a server stale that does not take up a rotation, and one that does matching', async () => {
    const stale = await eventually(
      'a rotation',
      async () => {
        const { code, out } = await certmount(
          'verify',
          'forgetful',
          '-n',
          'web',
          '-p',
          '8443',
          '-c',
          'workload',
          '-o',
          'json',
        );
        return code === 1 ? (JSON.parse(out) as Verification) : undefined;
      },
      60_000,
      1_000,
    );
    assert.equal(stale.result, 'stale');
    assert.notEqual(stale.served.serialNumber, stale.mounted?.serialNumber);
    assert.ok(Date.parse(stale.staleSince ?? '') <= Date.now());
    assert.match(stale.explanation.join(' '), /has not reloaded since .*docs\/reloading\.md/);
    await eventually('the other server to match', async () => {
      const { code } = await certmount('verify', 'reloading', '-n', 'web', '-p', '8443');
      return code === 0 ? true : undefined;
    });
  });

  it('tells a certificate of somebody else apart', async () => {
    const { code, err, out } = await certmount('verify', 'stubborn', '-n', 'web', '-p', '8443');
    assert.equal(code, 2, err + out);
    assert.match(out, /port 8443: foreign\n.*CN=mine/s);
  });

  it('says so where nothing is served', async () => {
    const { code, err, out } = await certmount('verify', 'steady', '-n', 'web', '-p', '9', '-o', 'json');
    assert.equal(code, 3, out + err);
    assert.match(err, /^(the port shows no certificate|port-forward to web\/steady): .*\n$/);
  });

  it('shows what it may to somebody without the right to exec, and says what is missing', async () => {
    const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };
    const requests = { apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['list'] };
    const reader = await somebodyWho('reader', pods, requests);
    const { err, out } = await run(reader, ['identity', 'steady', '-n', 'web', '-o', 'json']);
    const { unknown, volumes } = JSON.parse(out || assert.fail(err)) as IdentityDescription;
    assert.match(unknown.join(), /written and what is mounted: the driver cannot be asked: .*not allowed/);
    assert.deepEqual(
      volumes[0]?.timeline.map(({ at, step }) => [step, at !== null]),
      [
        ['requested', true],
        ['approved', true],
        ['signed', true],
        ['written', false],
      ],
    );
    // Without any right to requests nothing is said of them, and nothing is a problem.
    const podReader = await somebodyWho('pod-reader', pods);
    const blind = await run(podReader, ['identities', '-nweb', '-ojson']);
    assert.equal(blind.code, 0, blind.err);
    const { identities, warnings } = JSON.parse(blind.out) as {
      identities: IdentityRow[];
      warnings: string[];
    };
    const row = identities.find(({ pod }) => pod === 'steady');
    assert.deepEqual([row?.state, row?.issuer], ['unrecorded', 'ClusterIssuer/mesh-ca']);
    assert.match(warnings.join('\n'), /^CertificateRequests may not be listed/);
    assert.equal((await run(podReader, ['identity', 'pod/steady', '-nweb'])).code, 0);
    const listed = await run(reader, ['identities', '-A']);
    assert.match(listed.out, /steady/);
    assert.match(listed.err, /^Certificates may not be listed|^PodCertificateRequests may not be listed|^$/m);
  });

  it('lists nothing twice and keeps to its exit codes', async () => {
    assert.equal((await certmount('identity', 'nobody', '-n', 'web')).code, 3);
    assert.equal((await certmount('verify', 'steady')).code, 64);
    assert.equal((await certmount('identites')).code, 64);
    const none = await run('/nowhere', ['identities', '-o', 'json']);
    assert.deepEqual([none.code, none.out], [3, '']);
    const { out } = await certmount('identities', '-n', 'web', '-o', 'json');
    const { identities } = JSON.parse(out) as { identities: IdentityRow[] };
    const names = identities.map(({ name, pod }) => `${pod}/${name}`);
    assert.equal(new Set(names).size, names.length);
  });
});
