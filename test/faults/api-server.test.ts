import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { notRoot } from '../integration/driver/support/driver-world.ts';
import type { VolumeOfPod } from '../support/csi-client.ts';
import { type ApiCall, ApiProxy } from './support/api-proxy.ts';
import { FaultCluster } from './support/fault-cluster.ts';
import type { FaultNode } from './support/fault-node.ts';
import { handIssued } from './support/hand-issuer.ts';
import { untilRenewal } from './support/scenarios.ts';
import { soon } from './support/soon.ts';
import { wholeSet } from './support/volume-set.ts';

const isCreate = ({ method, path }: ApiCall): boolean =>
  method === 'POST' && path.endsWith('/certificaterequests');

let cluster: FaultCluster;
let proxy: ApiProxy;
let node: FaultNode;

describe('an API server that fails the driver', { skip: notRoot, timeout: 180_000 }, () => {
  before(async () => {
    cluster = await FaultCluster.start();
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    proxy = await ApiProxy.start(await cluster.controlPlane.connection('admin'));
    node = await cluster.addNode();
  });
  afterEach(async () => {
    await node.remove();
    await proxy[Symbol.asyncDispose]();
  });

  const serialOf = ({ targetPath }: VolumeOfPod): string => wholeSet(targetPath).serialNumber;
  const goesOn = ({ code, details }: ServiceError): boolean => {
    assert.ok([status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(code), `${status[code]} ${details}`);
    return true;
  };

  /** The kubelet's calls until one is answered OK, each with a limit of its own. */
  async function publishUntilDone(volume: VolumeOfPod): Promise<void> {
    await soon('a publish to succeed', async () => {
      await node.csi.publish(volume, 5_000);
      return true;
    });
  }

  describe('by going away', () => {
    beforeEach(async () => {
      await node.start({ server: proxy.url });
    });

    it('before a request is made: the next call makes one', async () => {
      const volume = node.newVolume();
      proxy.cut();
      await assert.rejects(node.csi.publish(volume, 1_000), goesOn);
      proxy.mend();
      await publishUntilDone(volume);
      serialOf(volume);
      await node.takeDown(volume);
      assert.equal(cluster.everAsked(volume.volumeId).length, 1);
    });

    it('with the answer to the creation: the request that got through is taken up', async () => {
      const volume = node.newVolume();
      proxy.decide = (call) => (isCreate(call) ? 'lose-answer' : 'pass');
      await assert.rejects(node.csi.publish(volume, 1_000), goesOn);
      proxy.mend();
      await publishUntilDone(volume);
      await node.takeDown(volume);
      assert.equal(cluster.everAsked(volume.volumeId).length, 1, 'one request, though it was sent twice');
    });

    it('while a request waits: its certificate is taken when the server is back', async () => {
      const volume = node.newVolume(handIssued);
      await cluster.hand.set(volume.volumeId, 'wait');
      const publishing = node.csi.publish(volume, 20_000);
      await soon('its request', () => cluster.present(volume.volumeId).length === 1 || undefined);
      proxy.cut();
      await cluster.hand.set(volume.volumeId, 'sign');
      await new Promise((resolve) => setTimeout(resolve, 500));
      proxy.mend();
      await publishing;
      serialOf(volume);
      await node.takeDown(volume);
      assert.equal(cluster.everAsked(volume.volumeId).length, 1);
    });

    it('in a renewal: the pod keeps its files, and the renewal ends when the server is back', async () => {
      const volume = node.newVolume();
      await node.csi.publish(volume);
      const serial = serialOf(volume);
      proxy.cut();
      await node.elapse(untilRenewal);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.equal(serialOf(volume), serial);
      await node.csi.publish(volume);
      proxy.mend();
      await soon('the renewal', async () => {
        if (serialOf(volume) !== serial) return true;
        await node.elapse(1_000);
        return undefined;
      });
      await node.takeDown(volume);
      assert.equal(cluster.everAsked(volume.volumeId).length, 2);
    });
  });

  it('by turning creations away with 429 and Retry-After: it waits as told, and makes no request twice', async () => {
    await node.start({ server: proxy.url });
    const volumes = Array.from({ length: 20 }, () => node.newVolume());
    const refused: number[] = [];
    const started = performance.now();
    proxy.decide = (call) => {
      if (!isCreate(call) || performance.now() - started > 2_500) return 'pass';
      refused.push(performance.now() - started);
      return { status: 429, retryAfterSeconds: 1 };
    };
    await Promise.all(volumes.map((volume) => node.csi.publish(volume, 25_000)));
    // At 0 s, at 1 to 1.25 s and at 2 to 2.5 s.
    assert.ok(refused.length <= 3 * volumes.length + 3, `${refused.length} calls were turned away`);
    for (const volume of volumes) {
      serialOf(volume);
      await node.takeDown(volume);
      assert.equal(cluster.everAsked(volume.volumeId).length, 1);
    }
  });

  it('by a storm of 429 that lasts: the call ends in a way that the kubelet repeats, with the reason', async () => {
    await node.start({ server: proxy.url });
    const volume = node.newVolume();
    proxy.decide = (call) => (isCreate(call) ? { status: 429, retryAfterSeconds: 2 } : 'pass');
    await assert.rejects(node.csi.publish(volume, 3_000), goesOn);
    assert.ok(proxy.calls.filter(isCreate).length <= 3);
    proxy.mend();
    await publishUntilDone(volume);
    await node.takeDown(volume);
  });

  it('by a watch that goes silent: it is opened anew, and what was missed is seen', async () => {
    await node.start({ server: proxy.url });
    const first = node.newVolume();
    await node.csi.publish(first);
    proxy.silenceWatches();
    const volume = node.newVolume();
    await assert.rejects(node.csi.publish(volume, 2_000), goesOn);
    const watches = (): number => proxy.calls.filter(({ isWatch }) => isWatch).length;
    const before = watches();
    await soon('another watch', async () => {
      await node.driver.setClock(0, 200_000);
      return watches() > before || undefined;
    });
    await publishUntilDone(volume);
    serialOf(volume);
    await node.takeDown(volume);
    await node.takeDown(first);
    assert.equal(cluster.everAsked(volume.volumeId).length, 1);
  });

  it('by no longer taking its token: the new one is read, and requests name its pod', async () => {
    const tokenFile = join(cluster.directory, `${node.name}-token`);
    const [first, second] = [await cluster.boundToken(node.name), await cluster.boundToken(node.name)];
    writeFileSync(tokenFile, first.token);
    await node.start({ tokenFile });
    const volumes = Array.from({ length: 3 }, () => node.newVolume());
    const [before, refused, later] = volumes as [VolumeOfPod, VolumeOfPod, VolumeOfPod];
    await node.csi.publish(before);
    assert.deepEqual(podOf(before), [first.podName]);
    // As the kubelet does it.
    writeFileSync(`${tokenFile}.new`, second.token);
    renameSync(`${tokenFile}.new`, tokenFile);
    await first.revoke();
    await publishUntilDone(refused);
    await publishUntilDone(later);
    assert.deepEqual(podOf(later), [second.podName]);
    for (const volume of volumes) {
      serialOf(volume);
      await node.takeDown(volume);
    }
  });

  function podOf({ volumeId }: VolumeOfPod): readonly string[] | undefined {
    return cluster.everAsked(volumeId).at(-1)?.spec.extra?.['authentication.kubernetes.io/pod-name'];
  }
});
