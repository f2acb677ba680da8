import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { notRoot } from '../integration/driver/support/driver-world.ts';
import type { VolumeOfPod } from '../support/csi-client.ts';
import { FaultCluster } from './support/fault-cluster.ts';
import type { FaultNode } from './support/fault-node.ts';
import { renewsOn, untilRenewal } from './support/scenarios.ts';
import { soon } from './support/soon.ts';
import { filesOnDisk, secrets, wholeSet } from './support/volume-set.ts';

let cluster: FaultCluster;
let node: FaultNode;

describe('storage that fails', { skip: notRoot, timeout: 120_000 }, () => {
  before(async () => {
    cluster = await FaultCluster.start();
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    node = await cluster.addNode();
  });

  const serialOf = ({ targetPath }: VolumeOfPod): string => wholeSet(targetPath).serialNumber;

  const refusal =
    (code: status) =>
    (error: ServiceError): boolean => {
      assert.equal(status[error.code], status[code], error.details);
      return true;
    };

  async function published(): Promise<VolumeOfPod> {
    const volume = node.newVolume();
    await node.csi.publish(volume);
    return volume;
  }

  async function failedRenewal(): Promise<void> {
    const before = failures();
    await node.elapse(untilRenewal);
    await soon('a renewal to fail', () => failures() > before || undefined);
  }

  function failures(): number {
    return node.driver.log.filter((line) => line.includes('"renewal failed"')).length;
  }

  it('a volume that is full: the pod keeps its files, and the renewal comes when there is room', async () => {
    await node.start();
    const volume = await published();
    const serial = serialOf(volume);
    const filler = join(volume.targetPath, 'filler');
    fill(filler);
    await failedRenewal();
    assert.equal(serialOf(volume), serial);
    await node.csi.publish(volume);
    await node.end('SIGKILL');
    await node.start();
    await node.csi.publish(volume);
    assert.equal(serialOf(volume), serial);
    rmSync(filler);
    await renewsOn(node, volume, 5 * 60_000);
    await node.takeDown(volume);
  });

  describe('a folder of records', () => {
    let live: VolumeOfPod;
    let serial: string;

    beforeEach(async () => {
      mkdirSync(node.stateDir);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'records', node.stateDir]);
      await node.start();
      live = await published();
      serial = serialOf(live);
    });

    /** The driver cannot write; what is live goes on, also across a restart, and nothing else is promised to the kubelet. */
    async function liveGoesOn(): Promise<void> {
      await node.csi.publish(live);
      assert.equal(serialOf(live), serial);
      await node.elapse(untilRenewal);
      await soon('the renewal', () => serialOf(live) !== serial || undefined);
      const renewed = serialOf(live);
      await node.end('SIGKILL');
      await node.start();
      await node.csi.publish(live);
      assert.equal(serialOf(live), renewed, 'the certificate whose record could not be written is kept');
    }

    it('that is full: what is live goes on, also its renewals; a new volume waits for room', async () => {
      const filler = join(node.stateDir, 'filler');
      fill(filler);
      const waiting = node.newVolume();
      await assert.rejects(node.csi.publish(waiting), refusal(status.RESOURCE_EXHAUSTED));
      assert.equal(existsSync(join(waiting.targetPath, '..data')), false);
      await liveGoesOn();
      rmSync(filler);
      await node.csi.publish(waiting);
      serialOf(waiting);
      await node.takeDown(waiting);
      await node.takeDown(live);
    });

    it('that is read-only: what is live goes on; a new volume fails and leaves nothing', async () => {
      execFileSync('mount', ['-o', 'remount,ro', node.stateDir]);
      const refused = node.newVolume();
      await assert.rejects(node.csi.publish(refused), refusal(status.INTERNAL));
      assert.deepEqual(node.remainsOf(refused), []);
      await liveGoesOn();
      execFileSync('mount', ['-o', 'remount,rw', node.stateDir]);
      await node.csi.publish(refused);
      await node.takeDown(refused);
      await node.takeDown(live);
      assert.deepEqual(readdirSync(node.stateDir), []);
    });
  });

  it('a volume that somebody unmounts: no key is written to the disk below it', async () => {
    await node.start();
    const volume = await published();
    node.umount(volume);
    await node.elapse(untilRenewal);
    await soon(
      'an attempt to renew it',
      () => cluster.everAsked(volume.volumeId).length === 2 || failures() > 0 || undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const { path, text } of filesOnDisk(node.directory)) assert.doesNotMatch(text, secrets, path);
    // The kubelet's next call mends it.
    await node.csi.publish(volume);
    serialOf(volume);
    await node.takeDown(volume);
  });
});

/** Until nothing more fits. */
function fill(path: string): void {
  assert.throws(() => writeFileSync(path, Buffer.alloc(4 << 20)), /ENOSPC/);
}
