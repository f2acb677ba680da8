import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import { failure, hour, sourceOf } from '../support/builders.ts';
import { assertWhole, type TestDriver, TestNode } from '../support/test-node.ts';

let node: TestNode;
let driver: TestDriver;
/** What was done to the socket, and with what in the volume. */
let done: string[];
let refuses: boolean;
let isServed: boolean;

beforeEach(async () => {
  node = await TestNode.create();
  done = [];
  refuses = false;
  isServed = false;
  node.workloadApis = {
    update: async ({ targetPath }) => {
      if (refuses) throw new VolumeError('mount-failed', 'cannot serve the Workload API in the volume: no');
      done.push(`served with ${serialOf(targetPath)}`);
      isServed = true;
    },
    close: async () => {
      isServed = false;
      done.push(`closed ${node.kernel.mountPoints.length === 0 ? 'after' : 'before'} the unmount`);
    },
    serves: () => isServed,
  };
  driver = await node.start();
});
afterEach(() => node[Symbol.dispose]());

const source = (): ReturnType<typeof sourceOf> => sourceOf(node.target, { 'workload-api': 'true' });

function serialOf(targetPath: string): string {
  try {
    return assertWhole(targetPath);
  } catch {
    return 'no certificate';
  }
}

describe('a volume with a Workload API', () => {
  it('is published when its socket is served, with the certificate in the volume', async () => {
    await driver.publish(source());
    assert.deepEqual(done, [`served with ${serialOf(node.target)}`]);
  });

  it('is not published when its socket cannot be served, and leaves nothing', async () => {
    refuses = true;
    await assert.rejects(driver.publish(source()), failure('mount-failed', 'cannot serve the Workload API'));
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.deepEqual(done, ['closed before the unmount']);
  });

  it('tells its clients of each renewal, which nothing that goes wrong there makes fail', async () => {
    await driver.publish(source());
    const first = serialOf(node.target);
    await node.pass(17 * hour);
    const second = serialOf(node.target);
    assert.notEqual(second, first);
    assert.deepEqual(done, [`served with ${first}`, `served with ${second}`]);
    refuses = true;
    await node.pass(17 * hour);
    assert.notEqual(serialOf(node.target), second);
    assert.deepEqual(driver.renewals, ['renewed', 'renewed']);
    assert.deepEqual(driver.errors, ['cannot serve the Workload API in the volume']);
  });

  it('is served before its first certificate when its containers start without one', async () => {
    node.api.answer = async () => undefined;
    await driver.publish(sourceOf(node.target, { 'workload-api': 'true', start: 'without-certificate' }));
    assert.deepEqual(done, ['served with no certificate']);
  });

  it('is served again by the next process of the driver', async () => {
    await driver.publish(source());
    driver.life.kill();
    done = [];
    driver = await node.start();
    assert.deepEqual(done, [`served with ${serialOf(node.target)}`]);
  });

  it('is renewed also when the next process cannot serve its socket', async () => {
    await driver.publish(source());
    const first = serialOf(node.target);
    driver.life.kill();
    refuses = true;
    driver = await node.start();
    refuses = false;
    await node.pass(17 * hour);
    assert.notEqual(serialOf(node.target), first);
    assert.deepEqual(done.slice(1), [`served with ${serialOf(node.target)}`]);
  });

  it('has its socket again with the next publish when the next process could not serve it at first', async () => {
    await driver.publish(source());
    driver.life.kill();
    isServed = false;
    refuses = true;
    driver = await node.start();
    refuses = false;
    done = [];
    await driver.publish(source());
    assert.deepEqual(done, [`served with ${serialOf(node.target)}`]);
  });

  it('is left alone by a publish while it is served', async () => {
    await driver.publish(source());
    done = [];
    await driver.publish(source());
    assert.deepEqual(done, []);
  });

  it('has its socket closed before it is unmounted', async () => {
    await driver.publish(source());
    done = [];
    await driver.unpublish(source());
    assert.deepEqual(done, ['closed before the unmount']);
  });

  it('is served anew where somebody has taken its mount off', async () => {
    await driver.publish(source());
    node.kernel.unmountAll();
    done = [];
    await driver.publish(source());
    assert.deepEqual(done, ['closed after the unmount', `served with ${serialOf(node.target)}`]);
  });
});
