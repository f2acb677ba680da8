import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { notRoot } from '../integration/driver/support/driver-world.ts';
import type { VolumeOfPod } from '../support/csi-client.ts';
import { FaultCluster } from './support/fault-cluster.ts';
import type { FaultNode } from './support/fault-node.ts';
import { untilRenewal } from './support/scenarios.ts';
import { soon } from './support/soon.ts';
import { wholeSet } from './support/volume-set.ts';

const day = 24 * 3_600_000;

let cluster: FaultCluster;
let node: FaultNode;

describe("a node's clock that is wrong", { skip: notRoot, timeout: 120_000 }, () => {
  before(async () => {
    cluster = await FaultCluster.start();
    node = await cluster.addNode();
    await node.start();
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  let volume: VolumeOfPod;
  let serial: string;
  beforeEach(async () => {
    await node.resetClock();
    volume = node.newVolume();
    await node.csi.publish(volume);
    serial = serialNow();
  });

  const serialNow = (): string => wholeSet(volume.targetPath).serialNumber;
  const asked = (): number => cluster.everAsked(volume.volumeId).length;

  it('forward by a day, as after a long suspend: what expired is renewed at once', async () => {
    await node.elapse(day - 3_600_000);
    await soon('the renewal', () => serialNow() !== serial || undefined);
    await node.csi.publish(volume);
    await node.takeDown(volume);
    assert.equal(asked(), 2);
  });

  it('forward by more than the issuer can follow: the pod keeps what it has, at the pace of the retries', async () => {
    await node.elapse(2 * day);
    await soon('an attempt', () => asked() === 2 || undefined);
    await soon('its failure', () => node.driver.log.some((line) => line.includes('expired at')) || undefined);
    assert.equal(serialNow(), serial);
    await node.csi.publish(volume);
    assert.equal(asked(), 2, 'no attempt before its time');
    // The clock is set right: what was made for nothing goes, and the volume lives on.
    await node.resetClock();
    await node.takeDown(volume);
  });

  it('back by a day: what is live stays and is not asked for again; a new volume is refused with the reason', async () => {
    await node.elapse(-day);
    await node.csi.publish(volume);
    const other = node.newVolume();
    await assert.rejects(node.csi.publish(other), ({ code, details }: ServiceError) => {
      assert.equal(status[code], 'INTERNAL');
      return /is not valid before|longer than the duration/.test(details);
    });
    assert.equal(serialNow(), serial);
    assert.equal(asked(), 1);
    await node.elapse(day);
    await node.csi.publish(other);
    await node.elapse(untilRenewal);
    await soon('the renewal at its time', () => serialNow() !== serial || undefined);
    await node.takeDown(other);
    await node.takeDown(volume);
  });

  it('back by a day across a restart of the driver: the volume is taken up as it is and renewed at its time', async () => {
    await node.elapse(-day);
    await node.end('SIGKILL');
    await node.start();
    await node.csi.publish(volume);
    assert.equal(serialNow(), serial);
    await node.elapse(day + untilRenewal);
    await soon('the renewal', () => serialNow() !== serial || undefined);
    await node.takeDown(volume);
    assert.equal(asked(), 2);
  });
});
