import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { DriverWorld, notRoot } from './support/driver-world.ts';
import { KubeletRegistration } from './support/kubelet-registration.ts';
import { assertWhole, serialNumber } from './support/volume-files.ts';

let world: DriverWorld;

describe('a driver that ends and comes back', { skip: notRoot, timeout: 180_000 }, () => {
  before(async () => {
    world = await DriverWorld.start();
  });
  after(() => world?.stop());

  const refusal =
    (...codes: readonly status[]) =>
    (error: ServiceError): boolean => {
      assert.ok(codes.includes(error.code), `${status[error.code]}: ${error.details}`);
      return true;
    };
  const goesOn = refusal(status.DEADLINE_EXCEEDED, status.UNAVAILABLE, status.CANCELLED);

  /** Ends at a moment when a request of the volume is there and nobody answers it. */
  async function startPublish(issuer: string): Promise<VolumeOfPod> {
    const volume = await world.newVolume({ 'issuer-name': issuer });
    const publishing = assert.rejects(world.csi.publish(volume), goesOn);
    await world.oneRequestOf(volume);
    await world.restartDriver('SIGKILL');
    await publishing;
    return volume;
  }

  it('killed while it publishes: goes on with the same request and key when it is asked again', async () => {
    const volume = await startPublish('after-a-crash');
    const before = await world.oneRequestOf(volume);
    const pending = readFileSync(join(volume.targetPath, '..pending'), 'utf8');
    const publishing = world.csi.publish(volume);
    await world.createIssuer('after-a-crash');
    await publishing;
    assertWhole(volume.targetPath);
    assert.ok(pending.endsWith(readFileSync(join(volume.targetPath, 'tls.key'), 'utf8')), 'the same key');
    assert.equal((await world.oneRequestOf(volume)).metadata.uid, before.metadata.uid);
    await world.csi.unpublish(volume);
    assert.deepEqual(world.remainsOf(volume), []);
  });

  it('killed while it publishes: leaves nothing when the pod goes instead', async () => {
    const volume = await startPublish('never-there');
    await world.csi.unpublish(volume);
    assert.deepEqual(world.remainsOf(volume), []);
    await eventually(
      'its request to go',
      async () => (await world.requestsOf(volume)).length === 0 || undefined,
    );
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`ended by ${signal}: live volumes stay, are not issued again, and are still renewed`, async () => {
      const steady = await world.newVolume();
      const restless = await world.newVolume({ duration: '1m', 'renew-before': '50s' });
      await Promise.all([world.csi.publish(steady), world.csi.publish(restless)]);
      const serial = serialNumber(steady.targetPath);
      const request = await world.oneRequestOf(steady);
      const code = await world.endDriver(signal);
      if (signal === 'SIGTERM') assert.equal(code, 0);
      assertWhole(steady.targetPath);
      assertWhole(restless.targetPath);
      const restlessSerial = serialNumber(restless.targetPath);
      await world.startDriver();
      await Promise.all([world.csi.publish(steady), world.csi.publish(restless)]);
      await eventually('a renewal', () => serialNumber(restless.targetPath) !== restlessSerial || undefined);
      assert.equal(serialNumber(steady.targetPath), serial);
      assert.equal((await world.oneRequestOf(steady)).metadata.uid, request.metadata.uid);
      await Promise.all([world.csi.unpublish(steady), world.csi.unpublish(restless)]);
      assert.deepEqual([...world.remainsOf(steady), ...world.remainsOf(restless)], []);
    });
  }

  it('killed while it renews: ends the renewal with the same request and key', async () => {
    await world.createIssuer('comes-and-goes');
    const volume = await world.newVolume({
      'issuer-name': 'comes-and-goes',
      duration: '1m',
      'renew-before': '51s',
    });
    await world.csi.publish(volume);
    const serial = serialNumber(volume.targetPath);
    await world.controlPlane.kubectl(['delete', 'clusterissuer', 'comes-and-goes']);
    await eventually('a renewal under way', async () => {
      const open = (await world.requestsOf(volume)).find(
        ({ status: given }) => given?.certificate === undefined,
      );
      return open !== undefined && existsSync(join(volume.targetPath, '..pending')) ? true : undefined;
    });
    const current = serialNumber(volume.targetPath);
    await world.restartDriver('SIGKILL');
    assert.equal(serialNumber(volume.targetPath), current, 'the pod keeps what it has');
    const [request = '', ...key] = readFileSync(join(volume.targetPath, '..pending'), 'utf8').split('\n');
    await world.createIssuer('comes-and-goes');
    await eventually('the renewal', () => serialNumber(volume.targetPath) !== current || undefined);
    if (readFileSync(join(volume.targetPath, 'tls.key'), 'utf8') !== key.join('\n')) {
      // Renewed once more meanwhile: a certificate of the request that was under way must have been there before.
      const log = world.driver.log.map((line) => JSON.stringify(line)).join('\n');
      assert.ok(log.includes(request), log);
    }
    assert.notEqual(serialNumber(volume.targetPath), serial);
    await world.csi.unpublish(volume);
  });

  describe('to records and mounts that do not fit together', () => {
    let corrupt: VolumeOfPod;
    let lost: VolumeOfPod;
    let rebooted: VolumeOfPod;
    let whole: VolumeOfPod;
    let serials: string[];
    const serialsNow = (): string[] =>
      [corrupt, lost, whole].map(({ targetPath }) => serialNumber(targetPath));
    const record = ({ volumeId }: VolumeOfPod): string => join(world.stateDir, `${volumeId}.json`);

    before(async () => {
      [corrupt, lost] = [await world.newVolume(), await world.newVolume()];
      [rebooted, whole] = [await world.newVolume(), await world.newVolume()];
      await Promise.all([corrupt, lost, rebooted, whole].map((volume) => world.csi.publish(volume)));
      serials = serialsNow();
      await world.endDriver('SIGKILL');
      writeFileSync(record(corrupt), '{"version":1,');
      rmSync(record(lost));
      execFileSync('umount', [rebooted.targetPath]);
      await world.startDriver();
    });
    after(() => Promise.all([corrupt, lost, rebooted, whole].map((volume) => world.csi.unpublish(volume))));

    it('keeps every volume that is there, and takes it over when it is published again', async () => {
      assert.deepEqual(serialsNow(), serials);
      await Promise.all([corrupt, lost, whole].map((volume) => world.csi.publish(volume)));
      assert.deepEqual(serialsNow(), serials);
      assertWhole(corrupt.targetPath);
      for (const volume of [corrupt, lost]) assert.ok(existsSync(record(volume)));
    });

    it('forgets a volume that is gone, as after a reboot, and its request', async () => {
      assert.deepEqual(world.remainsOf(rebooted), []);
      await eventually(
        'its request to go',
        async () => (await world.requestsOf(rebooted)).length === 0 || undefined,
      );
      await world.csi.publish(rebooted);
      assertWhole(rebooted.targetPath);
    });
  });

  describe('its registration', () => {
    it('is asked for by the kubelet, and ready when it succeeded', async () => {
      assert.equal((await world.driver.get('/readyz')).ok, false);
      assert.equal((await world.driver.get('/livez')).ok, true);
      assert.equal(statSync(world.registrationSocket).mode & 0o777, 0o600);
      const kubelet = new KubeletRegistration(world.registrationSocket);
      assert.deepEqual(await kubelet.info(), {
        type: 'CSIPlugin',
        name: 'csi.certmount.io',
        endpoint: join(world.kubeletDir, 'plugins/csi.certmount.io/csi.sock'),
        supported_versions: ['1.0.0'],
      });
      await kubelet.notify(false, 'no room');
      const { ok, text } = await world.driver.get('/readyz');
      assert.equal(ok, false);
      assert.match(text, /no room/);
      await kubelet.notify(true);
      assert.equal((await world.driver.get('/readyz')).ok, true);
      kubelet.close();
    });

    it('is offered again when a restarted kubelet has removed the socket', async () => {
      rmSync(world.registrationSocket);
      await eventually('the socket', () => existsSync(world.registrationSocket) || undefined, 5_000);
      const kubelet = new KubeletRegistration(world.registrationSocket);
      assert.equal((await kubelet.info()).name, 'csi.certmount.io');
      kubelet.close();
    });
  });

  it('stops within its time while a publish waits, which fails in a way that the kubelet repeats', async () => {
    const volume = await world.newVolume({ 'issuer-name': 'never-there' });
    const publishing = assert.rejects(world.csi.publish(volume), goesOn);
    await world.oneRequestOf(volume);
    // Out of time it would be 1.
    assert.equal(await world.endDriver('SIGTERM'), 0);
    await publishing;
    assert.ok(!existsSync(world.socket));
    assert.ok(!existsSync(world.registrationSocket));
    await world.startDriver();
    await world.csi.unpublish(volume);
    assert.deepEqual(world.remainsOf(volume), []);
  });

  describe('without an API server', () => {
    let live: VolumeOfPod;
    let other: VolumeOfPod;
    let next: VolumeOfPod;
    let serial: string;
    before(async () => {
      [live, other, next] = [await world.newVolume(), await world.newVolume(), await world.newVolume()];
      await world.csi.publish(live);
      await world.csi.publish(other);
      serial = serialNumber(live.targetPath);
      await world.controlPlane.killApiServer();
    });

    it('keeps what is mounted, also a republish, and unpublishes', async () => {
      await world.csi.publish(live);
      assert.equal(serialNumber(live.targetPath), serial);
      await world.csi.unpublish(other);
      assert.deepEqual(world.remainsOf(other), []);
    });

    it('fails a publish in a way that the kubelet repeats', async () => {
      await assert.rejects(world.csi.publish(next, 2_000), refusal(status.UNAVAILABLE));
    });

    it('starts, serves and registers', async () => {
      await world.restartDriver('SIGKILL');
      const kubelet = new KubeletRegistration(world.registrationSocket);
      await kubelet.notify(true);
      kubelet.close();
      assert.equal((await world.driver.get('/readyz')).ok, true);
      await world.csi.publish(live);
      assert.equal(serialNumber(live.targetPath), serial);
      await assert.rejects(world.csi.publish(next, 2_000), refusal(status.UNAVAILABLE));
    });

    it('stops in order', async () => {
      const publishing = assert.rejects(world.csi.publish(next), goesOn);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(await world.endDriver('SIGTERM'), 0);
      await publishing;
      await world.startDriver();
    });

    it('goes on when it is back', async () => {
      await world.controlPlane.startApiServer();
      await eventually('the publish', async () => {
        await world.csi.publish(next, 5_000);
        return true;
      });
      assertWhole(next.targetPath);
      await eventually('the request of a volume that went meanwhile to go', async () => {
        return (await world.requestsOf(other)).length === 0 || undefined;
      });
      await world.oneRequestOf(next);
      await world.csi.unpublish(next);
      await world.csi.unpublish(live);
      assert.deepEqual([...world.remainsOf(live), ...world.remainsOf(next)], []);
    });
  });

  it('has left nothing on the node', () => {
    const records = readdirSync(world.stateDir);
    assert.deepEqual(records, []);
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(world.directory));
  });
});
