import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { DriverWorld, notRoot } from './support/driver-world.ts';
import { serialNumber } from './support/volume-files.ts';
import { serialOf, WorkloadClient } from './support/workload-client.ts';

describe('a driver with volumes that have a Workload API', { skip: notRoot, timeout: 180_000 }, () => {
  let world: DriverWorld;
  const clients: WorkloadClient[] = [];
  before(async () => {
    world = await DriverWorld.start();
  });
  after(async () => {
    for (const client of clients) client.close();
    await world?.stop();
  });

  /** Through a link: the kubelet's paths are too long for a unix socket, which containers see at their own. */
  function clientOf(volume: VolumeOfPod): WorkloadClient {
    const short = join(world.directory, `${volume.pod.name}-${clients.length}`);
    symlinkSync(volume.targetPath, short);
    const client = new WorkloadClient(join(short, 'workload-api.sock'));
    clients.push(client);
    return client;
  }

  function svidOf(targetPath: string): string {
    return serialNumber(targetPath).toLowerCase();
  }

  it('serves what lies in the files, and each rotation', async () => {
    const volume = await world.newVolume(
      { 'workload-api': 'true', duration: '1m', 'renew-before': '51s' },
      { mountGroup: '2000' },
    );
    await world.csi.publish(volume);
    const { gid, mode } = statSync(join(volume.targetPath, 'workload-api.sock'));
    assert.deepEqual([gid, mode & 0o777], [2000, 0o660]);
    const svids = clientOf(volume).svids();
    const first = await svids.nth(1);
    assert.equal(first.svids[0]?.spiffe_id, 'spiffe://cluster.local/ns/web/sa/default');
    const [second, third] = [await svids.nth(2), await svids.nth(3)];
    assert.equal(new Set([first, second, third].map(serialOf)).size, 3);
    await eventually('the files to be those of the last answer', () => {
      const newest = svids.all.at(-1);
      return (newest !== undefined && serialOf(newest) === svidOf(volume.targetPath)) || undefined;
    });
    await world.csi.unpublish(volume);
    assert.deepEqual(world.remainsOf(volume), []);
    assert.equal((await svids.failure()).code, status.UNAVAILABLE);
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`serves again after it was ended by ${signal}, and clients see the next rotation`, async () => {
      const volume = await world.newVolume({ 'workload-api': 'true' });
      const restless = await world.newVolume({
        'workload-api': 'true',
        duration: '1m',
        'renew-before': '50s',
      });
      await world.csi.publish(volume);
      await world.csi.publish(restless);
      const [client, follower] = [clientOf(volume), clientOf(restless)];
      const before = await client.svids().nth(1);
      const rotating = follower.svids();
      await rotating.nth(1);
      await world.restartDriver(signal);
      await rotating.failure();
      assert.ok(existsSync(join(volume.targetPath, 'workload-api.sock')));
      const again = await eventually('the client to connect again', () => client.svids().nth(1));
      assert.equal(serialOf(again), serialOf(before));
      const resumed = await eventually('the follower to connect again', async () => {
        const svids = follower.svids();
        await svids.nth(1);
        return svids;
      });
      await resumed.nth(2);
      await world.csi.unpublish(volume);
      await world.csi.unpublish(restless);
      assert.deepEqual([...world.remainsOf(volume), ...world.remainsOf(restless)], []);
    });
  }

  it('lets clients wait where containers start without a certificate', async () => {
    const volume = await world.newVolume({
      'issuer-name': 'later',
      'workload-api': 'true',
      start: 'without-certificate',
    });
    await world.csi.publish(volume);
    const svids = clientOf(volume).svids();
    await world.oneRequestOf(volume);
    assert.deepEqual(svids.all, []);
    await world.createIssuer('later');
    const first = await svids.nth(1);
    assert.equal(serialOf(first), svidOf(volume.targetPath));
    await world.csi.unpublish(volume);
    assert.deepEqual(world.remainsOf(volume), []);
  });

  it('serves what only one bundle of the volume holds', async () => {
    const volume = await world.newVolume({ 'workload-api': 'true', preset: 'spiffe' });
    await world.csi.publish(volume);
    const { svids } = await clientOf(volume).svids().nth(1);
    const bundle = readFileSync(join(volume.targetPath, 'credential-bundle.private-key.pem'), 'utf8');
    assert.deepEqual(
      svids[0]?.x509_svid_key,
      createPrivateKey(bundle).export({ type: 'pkcs8', format: 'der' }),
    );
    const anchors = readFileSync(join(volume.targetPath, 'cluster.local.spiffe-trust-bundle.pem'));
    assert.deepEqual(svids[0]?.bundle, new X509Certificate(anchors).raw);
    await world.csi.unpublish(volume);
  });

  it('puts no socket into volumes that do not ask for one', async () => {
    const volume = await world.newVolume();
    await world.csi.publish(volume);
    assert.ok(!existsSync(join(volume.targetPath, 'workload-api.sock')));
    await world.csi.unpublish(volume);
  });
});
