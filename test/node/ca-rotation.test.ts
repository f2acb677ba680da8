import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { withoutClusterTrustBundles } from '../support/pod-certificates.ts';
import { eventually } from '../support/eventually.ts';
import { type TestCa, caSecret, newCa } from '../unit/controller/builders.ts';
import { AnchorHistory } from './support/anchor-history.ts';
import { type Leaf, Mesh, meshFiles, prepareMesh, type Seen } from './support/mesh.ts';

const run = promisify(execFile);
const day = 24 * 60 * 60 * 1000;

const issuer = 'mesh-ca';
const pods = Array.from({ length: 20 }, (_, index) => `mesh-${String(index).padStart(2, '0')}`);
/** Renewed after fifty seconds, so that certificates also change for their age. */
const attributes = { 'issuer-name': issuer, 'issuer-kind': 'ClusterIssuer', duration: '75s' };
/** Some eighty handshakes a second of all together, fewer where the machine is busy. */
const pauseMs = 400;

/** The root is rotated after the intermediate; each pod counts its handshakes from before the first to after the last change. */
describe('changing the CA under mutual TLS of twenty pods', { timeout: 300_000 }, () => {
  let cluster: CertmountCluster;
  let mesh: Mesh;
  /** Not one of the twenty: it has their first root alone, by a Bundle, and calls itself. */
  let stubborn: Mesh;
  let history: AnchorHistory;
  let folder: string;
  let oldRoot: TestCa;
  let newRoot: TestCa;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'certmount-rotation-'));
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      workloadFiles: meshFiles,
      // Nobody tells who reads ClusterTrustBundles, so that a new CA would wait for two minutes.
      controlPlane: withoutClusterTrustBundles,
    });
    [oldRoot, newRoot] = await Promise.all([currentCa('root 1'), currentCa('root 2')]);
    await writeFile(join(folder, 'root-1.pem'), oldRoot.pem);
    await writeFile(join(folder, 'root-2.pem'), newRoot.pem);
    await putCa(await currentCa('signer 1', oldRoot), oldRoot);
    await cluster.controlPlane.apply([
      {
        apiVersion: 'cert-manager.io/v1',
        kind: 'ClusterIssuer',
        metadata: { name: issuer, annotations: { 'certmount.io/ca-rotation-reissue': '15s' } },
        spec: { ca: { secretName: issuer } },
      },
      {
        apiVersion: 'trust.cert-manager.io/v1alpha1',
        kind: 'Bundle',
        metadata: { name: 'first-root' },
        spec: { sources: [{ inLine: oldRoot.pem }] },
      },
    ]);
    await prepareMesh(cluster);
    history = await AnchorHistory.start(cluster.controlPlane, `clusterissuer.${issuer}`);
    [mesh, stubborn] = await Promise.all([
      Mesh.start(cluster, pods, attributes),
      Mesh.start(cluster, ['stubborn'], { ...attributes, 'trust-bundle': 'first-root' }),
    ]);
    await Promise.all([mesh.begin(pauseMs), stubborn.begin(pauseMs)]);
    await eventually('every pod to have called all others', async () =>
      (await mesh.seen()).every(({ called }) => called >= pods.length) ? true : undefined,
    );
  });
  after(async () => {
    history?.stop();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('takes up another intermediate under the same root at once', async () => {
    await putCa(await currentCa('signer 2', oldRoot), oldRoot);
    await whenAllAreSignedBy('signer 2', 30_000);
    await whenCalled('signer 2 > signer 2');
    assertNoneFailed(await mesh.seen());
    await assertMixed('signer 1', 'signer 2');
    assert.deepEqual([...new Set(history.states.map(({ pem }) => pem))], [oldRoot.pem]);
    assert.equal(await rotationReason(), '', 'nobody had to be told of anything');
  });

  it('lets a new root sign when the node trusts it, and drops the old one when its last certificate has expired', async (t) => {
    const [alone] = await stubborn.seen();
    assert.equal(alone?.failed, 0, 'the first root alone was enough until now');

    await putCa(await currentCa('signer 3', newRoot), newRoot);
    const both = trusts(oldRoot, newRoot);
    const spread = await history.when('both roots to be published', both, 10_000);
    const draining = await history.when('the new one to sign', ({ reason }) => reason === 'Draining', 40_000);
    const told = history.states.find(({ at, reason }) => at >= spread.at && reason === 'Spreading');
    assert.ok(told && told.nodes === 1 && told.at < draining.at);
    assert.deepEqual([draining.nodes, draining.covered], [1, 1]);
    const seen = await whenAllAreSignedBy('signer 3', 40_000);
    assertNoneFailed(seen);
    const trusted = seen.map(({ anchors }) => anchors.find(both)?.at ?? Number.NaN);
    assert.ok(
      Math.max(...trusted) < Math.min(...seen.flatMap(leavesOf('signer 3')).map(({ at }) => at)),
      'every pod trusted the new root before any had a certificate from it',
    );
    await whenCalled('signer 3 > signer 3');
    await assertMixed('signer 2', 'signer 3');
    assert.equal(await rotationReason(), 'Draining');

    const dropped = await history.when('the old root to be dropped', trusts(newRoot), 130_000);
    const old = (await mesh.seen()).flatMap((one) => [
      ...leavesOf('signer 1')(one),
      ...leavesOf('signer 2')(one),
    ]);
    const lastOld = Math.max(...old.map(({ notAfter }) => Date.parse(notAfter)));
    assert.ok(dropped.at >= lastOld, 'not before the last certificate of the old one had expired');
    t.diagnostic(
      `both roots in every pod ${seconds(spread.at, Math.max(...trusted))} after they were published, the new one signed ` +
        `after ${seconds(spread.at, draining.at)}, the old one was dropped ${seconds(lastOld, dropped.at)} after its last certificate`,
    );
    await eventually('the volumes to have the new root alone', () =>
      mesh.files('ca.crt').every((anchors) => anchors === newRoot.pem) ? true : undefined,
    );
    await eventually('the issuer to say so', async () =>
      (await rotationReason()) === 'Steady' ? true : undefined,
    );
    const secrets = await kubectl('get', 'secrets', '-n', 'certmount', '-o', 'name');
    assert.doesNotMatch(secrets, /certmount-previous/);
  });

  it('fails no handshake, of thousands', async (t) => {
    const seen = await mesh.end();
    assertNoneFailed(seen);
    const sum = (count: (one: Seen) => number): number => seen.reduce((total, one) => total + count(one), 0);
    const called = sum((one) => one.called);
    t.diagnostic(`${called} calls: ${JSON.stringify(pairsOf(seen))}`);
    assert.ok(called >= 2_000, `${called} handshakes`);
    assert.equal(
      sum(({ served }) => served),
      called,
      'both ends counted each',
    );
    assert.equal(
      sum(({ resumed }) => resumed),
      0,
    );
    for (const { leaves } of seen) assert.ok(leaves.length >= 4, 'also renewed for its age');
  });

  it('leaves certificates that OpenSSL verifies by the new root alone', async () => {
    for (const path of mesh.paths('tls.crt')) {
      await verify(path, 'root-2.pem');
      await assert.rejects(verify(path, 'root-1.pem'), /unable to get (local )?issuer certificate/);
    }
    const [address = ''] = mesh.addresses;
    const [, , pod = ''] = mesh.paths('credential-bundle.pem');
    const connect = (root: string): Promise<string> =>
      openssl(
        ...['s_client', '-connect', `${address}:8443`, '-CAfile', join(folder, root), '-verify_return_error'],
        ...['-cert', pod, '-cert_chain', pod, '-key', pod, '-ign_eof'],
      );
    assert.match(await connect('root-2.pem'), /Verify return code: 0 \(ok\)[^]*hello/);
    await assert.rejects(connect('root-1.pem'), /unable to get (local )?issuer certificate/);
  });

  it('would have been noticed by a pod that has only the old root', async () => {
    const [seen] = await stubborn.end();
    assert.ok(seen && seen.called > 20, 'while the old root signed');
    assert.ok(seen.failed > 20, 'once the new one did');
    assert.match(seen.failures.join('\n'), /unable to (get (local )?issuer|verify the first) certificate/i);
    assert.deepEqual(stubborn.files('ca.crt'), [oldRoot.pem]);
  });

  /** Replaces what the issuer signs with, as an administrator does. */
  async function putCa(signer: TestCa, root: TestCa): Promise<void> {
    const { data } = caSecret(signer, { chain: [root] });
    await cluster.controlPlane.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: issuer, namespace: 'certmount' },
      data,
    });
  }

  function whenAllAreSignedBy(signer: string, timeoutMs: number): Promise<Seen[]> {
    const what = `every certificate to be from ${signer}`;
    return eventually(
      what,
      async () => {
        const seen = await mesh.seen();
        return seen.every(({ leaves }) => leaves.at(-1)?.signer === signer) ? seen : undefined;
      },
      timeoutMs,
      500,
    );
  }

  async function whenCalled(pair: string): Promise<void> {
    await eventually(`calls of ${pair} by all`, async () =>
      (await mesh.seen()).every(({ pairs }) => (pairs[pair] ?? 0) > 0) ? true : undefined,
    );
  }

  /** Certificates of the old CA were verified by holders of new ones, and the reverse. */
  async function assertMixed(before: string, since: string): Promise<void> {
    const pairs = pairsOf(await mesh.seen());
    for (const pair of [`${before} > ${since}`, `${since} > ${before}`])
      assert.ok((pairs[pair] ?? 0) > 10, `${pair}: ${JSON.stringify(pairs)}`);
  }

  function rotationReason(): Promise<string> {
    const path = '{.status.conditions[?(@.type=="CARotation")].reason}';
    return kubectl('get', 'clusterissuer', issuer, '-o', `jsonpath=${path}`);
  }

  async function openssl(...args: string[]): Promise<string> {
    const { stdout } = await run('openssl', args);
    return stdout;
  }

  function verify(chain: string, root: string): Promise<string> {
    const only = ['-no-CApath', '-no-CAstore', '-CAfile', join(folder, root)];
    return openssl('verify', ...only, '-untrusted', chain, chain);
  }
});

function currentCa(commonName: string, parent?: TestCa): Promise<TestCa> {
  return newCa({
    subject: { commonName },
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + (parent ? 200 : 300) * day),
    ...(parent && { parent }),
  });
}

/** Whether these are all anchors. */
function trusts(...roots: readonly TestCa[]): (state: { readonly pem: string }) => boolean {
  return ({ pem }) =>
    pem.split('-----BEGIN').length - 1 === roots.length &&
    roots.every((root) => pem.includes(root.pem.trim()));
}

function leavesOf(wanted: string): (seen: Seen) => readonly Leaf[] {
  return ({ leaves }) => leaves.filter(({ signer }) => signer === wanted);
}

function seconds(from: number, to: number): string {
  return `${((to - from) / 1000).toFixed(1)} s`;
}

function assertNoneFailed(seen: readonly Seen[]): void {
  const failures = seen.flatMap(({ failures }) => failures);
  assert.deepEqual(
    seen.map(({ failed }) => failed),
    seen.map(() => 0),
    failures.join('\n'),
  );
}

function pairsOf(seen: readonly Seen[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { pairs } of seen)
    for (const [pair, count] of Object.entries(pairs)) sums[pair] = (sums[pair] ?? 0) + count;
  return sums;
}
