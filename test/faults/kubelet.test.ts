import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { notRoot } from '../integration/driver/support/driver-world.ts';
import { KubeletRegistration } from '../integration/driver/support/kubelet-registration.ts';
import { FaultCluster } from './support/fault-cluster.ts';
import type { FaultNode } from './support/fault-node.ts';
import { soon } from './support/soon.ts';
import { assertTidy, setIfAny, wholeSet } from './support/volume-set.ts';

let cluster: FaultCluster;
let node: FaultNode;

function isRefusal({ code, details }: ServiceError): boolean {
  assert.ok([status.INVALID_ARGUMENT, status.FAILED_PRECONDITION].includes(code), status[code]);
  return details.includes('target_path');
}

describe('a kubelet that does not behave', { skip: notRoot, timeout: 120_000 }, () => {
  before(async () => {
    cluster = await FaultCluster.start();
    node = await cluster.addNode();
    await node.start();
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  it('publishes each of 100 volumes twice at once: both calls are answered when the files are there', async () => {
    const volumes = Array.from({ length: 100 }, () => node.newVolume());
    await Promise.all(
      [...volumes, ...volumes].map(async (volume) => {
        await node.csi.publish(volume, 60_000);
        wholeSet(volume.targetPath);
      }),
    );
    const mountTable = readFileSync('/proc/self/mountinfo', 'utf8');
    for (const volume of volumes) {
      assertTidy(volume.targetPath);
      assert.equal(mountTable.split(`${volume.targetPath} `).length, 2, 'mounted once');
    }
    await Promise.all([...volumes, ...volumes].map((volume) => node.csi.unpublish(volume, 60_000)));
    await Promise.all(volumes.map((volume) => node.takeDown(volume)));
    for (const { volumeId } of volumes) assert.equal(cluster.everAsked(volumeId).length, 1, 'asked once');
  });

  it('unpublishes in the midst of a publish, at any moment: nothing stays', async () => {
    for (let delayMs = 0; delayMs < 60; delayMs += 1) {
      const volume = node.newVolume();
      const publishing = node.csi.publish(volume).then(
        () => 'OK',
        (error: ServiceError) => status[error.code],
      );
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await node.csi.unpublish(volume);
      const answer = await publishing;
      assert.ok(['OK', 'CANCELLED', 'ABORTED'].includes(answer), `${delayMs} ms: ${answer}`);
      // A publish that came second, as one that was sent late, is taken back like any other.
      await node.takeDown(volume);
    }
    assert.deepEqual(node.remains(), []);
  });

  it('publishes again in the midst of an unpublish: is told that the volume is busy, or gets a whole one', async () => {
    for (let round = 0; round < 20; round += 1) {
      const volume = node.newVolume();
      await node.csi.publish(volume);
      const [, published] = await Promise.allSettled([node.csi.unpublish(volume), node.csi.publish(volume)]);
      if (published.status === 'rejected') {
        const { code, details } = published.reason as ServiceError;
        assert.equal(status[code], 'ABORTED', details);
      } else {
        setIfAny(volume.targetPath);
      }
      await node.takeDown(volume);
    }
  });

  it('sends the same id with another target path, and the same target path with another id: refused', async () => {
    const [one, other] = [node.newVolume(), node.newVolume()];
    await node.csi.publish(one);
    await assert.rejects(node.csi.publish({ ...one, targetPath: other.targetPath }), isRefusal);
    await assert.rejects(node.csi.publish({ ...other, targetPath: one.targetPath }), isRefusal);
    wholeSet(one.targetPath);
    await node.takeDown(one);
  });

  it('is restarted and has cleared its folder of plugins: the driver is there again', async () => {
    const volume = node.newVolume();
    await node.csi.publish(volume);
    const folder = dirname(node.registrationSocket);
    // The driver may put its socket back in the midst of it.
    rmSync(folder, { recursive: true, maxRetries: 5 });
    rmSync(join(node.directory, 'csi.sock'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    mkdirSync(folder, { recursive: true });
    await soon('both sockets', () => {
      return (
        (existsSync(node.registrationSocket) && existsSync(join(node.directory, 'csi.sock'))) || undefined
      );
    });
    const kubelet = new KubeletRegistration(node.registrationSocket);
    assert.equal((await kubelet.info()).name, 'csi.certmount.io');
    await kubelet.notify(true);
    kubelet.close();
    node.reconnect();
    await node.csi.publish(volume);
    wholeSet(volume.targetPath);
    await node.takeDown(volume);
  });

  it('comes back with its node, whose mounts are gone: every volume is made anew, no old request stays', async () => {
    const volumes = Array.from({ length: 10 }, () => node.newVolume());
    await Promise.all(volumes.map((volume) => node.csi.publish(volume)));
    await node.end('SIGKILL');
    for (const volume of volumes) node.umount(volume);
    await node.start();
    for (const volume of volumes) assert.ok(!existsSync(volume.targetPath), 'no empty folder to mount');
    await Promise.all(volumes.map((volume) => node.csi.publish(volume)));
    for (const { targetPath, volumeId } of volumes) {
      wholeSet(targetPath);
      await soon('one request', () => cluster.present(volumeId).length === 1 || undefined);
    }
    await Promise.all(volumes.map((volume) => node.takeDown(volume)));
    assert.deepEqual(node.remains(), []);
  });
});
