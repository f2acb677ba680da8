import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { Authority } from '../../unit/driver/support/authority.ts';
import { eventually } from '../../support/eventually.ts';
import { notRoot } from './support/driver-world.ts';
import { WorkloadApiStand } from './support/svid-volume.ts';
import { securityHeader, serialOf, WorkloadClient } from './support/workload-client.ts';

describe('the Workload API of a volume', { timeout: 60_000 }, () => {
  let stand: WorkloadApiStand;
  const clients: WorkloadClient[] = [];
  before(async () => {
    stand = await WorkloadApiStand.start();
  });
  after(async () => {
    for (const client of clients) client.close();
    await stand.stop();
  });

  function clientOf(socket: string): WorkloadClient {
    const client = new WorkloadClient(socket);
    clients.push(client);
    return client;
  }

  it('serves the identity of the pod with its key and the anchors of its trust domain', async () => {
    const volume = stand.newVolume('identity');
    const between = (await Authority.create(Date.now(), 'intermediate')).certificate;
    const leaf = await volume.issue({}, [stand.authority.certificate], [between]);
    await stand.apis.update(volume.spec);
    const answer = await clientOf(volume.socket).svids().nth(1);
    assert.equal(answer.svids.length, 1);
    const [svid] = answer.svids;
    assert.equal(svid?.spiffe_id, 'spiffe://cluster.local/ns/web/sa/api');
    assert.equal(svid?.hint, '');
    assert.deepEqual(svid?.x509_svid, Buffer.concat([leaf.der, between.der]));
    assert.deepEqual(svid?.bundle, stand.authority.certificate.der);
    const key = createPrivateKey({ key: svid?.x509_svid_key ?? '', format: 'der', type: 'pkcs8' });
    assert.ok(new X509Certificate(leaf.der).checkPrivateKey(key));
    assert.deepEqual([answer.crl, answer.federated_bundles], [[], {}]);
  });

  it('serves the anchors of the trust domain by its SPIFFE ID', async () => {
    const volume = stand.newVolume('anchors');
    const next = await Authority.create(Date.now(), 'next ca');
    await volume.issue({}, [stand.authority.certificate, next.certificate]);
    await stand.apis.update(volume.spec);
    const { bundles, crl } = await clientOf(volume.socket).bundles().nth(1);
    const anchors = Buffer.concat([stand.authority.certificate.der, next.certificate.der]);
    assert.deepEqual(bundles, { 'spiffe://cluster.local': anchors });
    assert.deepEqual(crl, []);
  });

  it('lets streams wait for the first certificate, and follows each rotation', async () => {
    const volume = stand.newVolume('rotation');
    await stand.apis.update(volume.spec);
    const [early, late] = [clientOf(volume.socket), clientOf(volume.socket)];
    const waiting = early.svids();
    await stand.apis.update(volume.spec);
    const first = await volume.issue();
    await stand.apis.update(volume.spec);
    assert.equal(serialOf(await waiting.nth(1)), first.serialNumber);
    const second = await volume.issue();
    const reader = late.svids();
    assert.equal(serialOf(await reader.nth(1)), second.serialNumber);
    await stand.apis.update(volume.spec);
    assert.equal(serialOf(await waiting.nth(2)), second.serialNumber);
    const third = await volume.issue();
    await stand.apis.update(volume.spec);
    assert.equal(serialOf(await waiting.nth(3)), third.serialNumber);
    assert.equal(serialOf(await reader.nth(2)), third.serialNumber, 'nothing is told twice');
  });

  it('tells those who only verify when the anchors have changed, and not of new certificates', async () => {
    const volume = stand.newVolume('verifier');
    await volume.issue();
    await stand.apis.update(volume.spec);
    const verifier = clientOf(volume.socket).bundles();
    await verifier.nth(1);
    await volume.issue();
    await stand.apis.update(volume.spec);
    const next = await Authority.create(Date.now(), 'next ca');
    await volume.issue({}, [next.certificate]);
    await stand.apis.update(volume.spec);
    const { bundles } = await verifier.nth(2);
    assert.deepEqual(bundles, { 'spiffe://cluster.local': next.certificate.der });
  });

  it('refuses calls without the security header', async () => {
    const volume = stand.newVolume('header');
    await volume.issue();
    await stand.apis.update(volume.spec);
    const client = clientOf(volume.socket);
    const wrong = securityHeader();
    wrong.set('workload.spiffe.io', 'yes');
    const none = securityHeader();
    none.remove('workload.spiffe.io');
    for (const answers of [client.svids(none), client.bundles(none), client.svids(wrong)]) {
      const { code, details } = await answers.failure();
      assert.equal(code, status.INVALID_ARGUMENT);
      assert.match(details, /workload\.spiffe\.io: true/);
      assert.deepEqual(answers.all, []);
    }
  });

  it('answers Unimplemented to the calls of other profiles', async () => {
    const volume = stand.newVolume('profiles');
    await volume.issue();
    await stand.apis.update(volume.spec);
    const client = clientOf(volume.socket);
    for (const method of ['FetchJWTSVID', 'FetchJWTBundles', 'ValidateJWTSVID']) {
      await assert.rejects(client.unary(method), { code: status.UNIMPLEMENTED }, method);
    }
  });

  it('denies an identity where the certificate carries none, and says why', async () => {
    const volume = stand.newVolume('nobody');
    const noUri = { dnsNames: ['api.web.svc'], ipAddresses: [], uris: [], emailAddresses: [] };
    await volume.issue({ altNames: noUri });
    await stand.apis.update(volume.spec);
    const client = clientOf(volume.socket);
    for (const answers of [client.svids(), client.bundles()]) {
      const { code, details } = await answers.failure();
      assert.equal(code, status.PERMISSION_DENIED);
      assert.match(details, /not an X\.509-SVID: it has 0 URI names instead of one/);
    }
  });

  it('says so when there are no anchors, and serves when there are', async () => {
    const volume = stand.newVolume('no-anchors');
    await volume.issue({}, []);
    await stand.apis.update(volume.spec);
    const client = clientOf(volume.socket);
    const { code, details } = await client.svids().failure();
    assert.equal(code, status.FAILED_PRECONDITION);
    assert.match(details, /names no trust anchors/);
    const leaf = await volume.issue();
    await stand.apis.update(volume.spec);
    assert.equal(serialOf(await client.svids().nth(1)), leaf.serialNumber);
  });

  it('has a socket for root and the group of the volume, at a path of any length, and no descriptor of the folder', async () => {
    const volume = stand.newVolume(join('deep'.repeat(40), 'mount'), { group: process.getgid?.() ?? 0 });
    assert.ok(volume.socket.length > 107);
    fs.writeFileSync(join(volume.spec.targetPath, '..workload-api-of-a-crash'), '');
    await stand.apis.update(volume.spec);
    const { gid, mode } = fs.statSync(volume.socket);
    assert.equal(mode & 0o777, 0o660);
    assert.equal(gid, volume.spec.group);
    assert.deepEqual(fs.readdirSync(volume.spec.targetPath), ['workload-api.sock']);
    const open = fs.readdirSync('/proc/self/fd').map((fd) => linkOf(join('/proc/self/fd', fd)));
    assert.ok(!open.includes(volume.spec.targetPath));
  });

  it('serves nothing in a volume that has not asked for it', async () => {
    const volume = stand.newVolume('files-only', { workloadApi: false });
    await volume.issue();
    await stand.apis.update(volume.spec);
    assert.ok(!fs.existsSync(volume.socket));
    assert.equal(stand.apis.serves(volume.spec.volumeId), false);
    await stand.apis.close(volume.spec.volumeId);
  });

  it('is taken over by the next process of the driver, to which clients connect again', async () => {
    const volume = stand.newVolume('restart');
    await volume.issue();
    await stand.apis.update(volume.spec);
    const client = clientOf(volume.socket);
    const before = client.svids();
    await before.nth(1);
    assert.equal(stand.apis.serves(volume.spec.volumeId), true);
    await stand.apis.close(volume.spec.volumeId);
    assert.equal(stand.apis.serves(volume.spec.volumeId), false);
    assert.equal((await before.failure()).code, status.UNAVAILABLE);
    assert.ok(fs.existsSync(volume.socket), 'the file stays in the meantime');
    const next = stand.newProcess();
    const leaf = await volume.issue();
    await next.update(volume.spec);
    const again = await eventually('the client to connect again', async () => client.svids().nth(1));
    assert.equal(serialOf(again), leaf.serialNumber);
    await next.closeAll();
  });

  it('stays closed when it is closed while it is being opened', async () => {
    const volume = stand.newVolume('short-lived');
    const opening = stand.apis.update(volume.spec);
    await stand.apis.close(volume.spec.volumeId);
    await opening;
    assert.ok(!fs.existsSync(volume.socket));
  });

  it('says in an error of the volume when the socket cannot be made', async () => {
    const volume = stand.newVolume('gone');
    fs.rmSync(volume.spec.targetPath, { recursive: true });
    await assert.rejects(stand.apis.update(volume.spec), {
      reason: 'mount-failed',
      message: /cannot serve the Workload API in the volume: .*ENOENT/,
    });
    fs.mkdirSync(volume.spec.targetPath);
    const leaf = await volume.issue();
    await stand.apis.update(volume.spec);
    assert.equal(serialOf(await clientOf(volume.socket).svids().nth(1)), leaf.serialNumber);
  });

  describe('on a tmpfs', { skip: notRoot }, () => {
    it('is reached through a read-only mount, and leaves nothing that keeps the volume busy', async (test) => {
      const volume = stand.newVolume('mounted');
      const inContainer = join(stand.directory, 'container');
      fs.mkdirSync(inContainer);
      execFileSync('mount', ['-t', 'tmpfs', 'certmount-test', volume.spec.targetPath]);
      test.after(() => run('umount', '--lazy', volume.spec.targetPath));
      execFileSync('mount', ['--bind', '-o', 'ro', volume.spec.targetPath, inContainer]);
      test.after(() => run('umount', '--lazy', inContainer));
      const leaf = await volume.issue();
      await stand.apis.update(volume.spec);
      assert.throws(() => fs.unlinkSync(join(inContainer, 'workload-api.sock')), { code: 'EROFS' });
      const svids = clientOf(join(inContainer, 'workload-api.sock')).svids();
      assert.equal(serialOf(await svids.nth(1)), leaf.serialNumber);
      connect(join(inContainer, 'workload-api.sock')).on('error', () => {});
      await stand.apis.close(volume.spec.volumeId);
      execFileSync('umount', [inContainer]);
      execFileSync('umount', [volume.spec.targetPath]);
      await svids.failure();
    });
  });
});

/** Of what is gone already, as it is when the test passes, nothing is said. */
function run(command: string, ...args: readonly string[]): void {
  spawnSync(command, args);
}

function linkOf(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch {
    return undefined;
  }
}
