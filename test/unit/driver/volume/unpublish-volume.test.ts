import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { failure, gate, sourceOf } from '../support/builders.ts';
import { assertWhole, quiet, type TestDriver, TestNode } from '../support/test-node.ts';

let node: TestNode;
let driver: TestDriver;

beforeEach(async () => {
  node = await TestNode.create();
  driver = await node.start();
});
afterEach(() => node[Symbol.dispose]());

describe('unpublishing a volume', () => {
  it('removes mount, folder, record, request and timer', async () => {
    await driver.publish(sourceOf(node.target));
    await driver.unpublish(sourceOf(node.target));
    await quiet();
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.ok(!existsSync(node.target));
    assert.deepEqual(readdirSync(node.stateDirectory), []);
    assert.deepEqual(node.api.names, []);
    await driver.stop();
    await node.pass(60_000);
    assert.equal(node.clock.pending, 0, 'no timer is left');
  });

  it('is fine with what is not there, however often', async () => {
    await driver.unpublish(sourceOf(node.target));
    await driver.publish(sourceOf(node.target));
    await driver.unpublish(sourceOf(node.target));
    await driver.unpublish(sourceOf(node.target));
  });

  it('removes a folder that was never mounted on, and one that was mounted on twice', async () => {
    mkdirSync(node.target);
    await driver.unpublish(sourceOf(node.target));
    assert.ok(!existsSync(node.target));
    mkdirSync(node.target);
    for (let count = 0; count < 2; count++) {
      await node.kernel.mountTmpfs(node.target, { source: 'csi.certmount.io', sizeBytes: 1, mode: 0o550 });
    }
    await driver.unpublish(sourceOf(node.target));
    assert.ok(!existsSync(node.target));
  });

  it('works without the API server; the request goes when it is back', async () => {
    await driver.publish(sourceOf(node.target));
    node.api.goDown();
    await driver.unpublish(sourceOf(node.target));
    assert.deepEqual(node.kernel.mountPoints, []);
    node.api.comeBack();
    await node.pass(60_000);
    assert.deepEqual(node.api.names, []);
  });

  it('ends a publish that waits, which fails in a way that the kubelet repeats', async () => {
    node.api.answer = async () => undefined;
    const publishing = assert.rejects(
      driver.publish(sourceOf(node.target)),
      failure('cancelled', 'unpublished'),
    );
    await quiet();
    await driver.unpublish(sourceOf(node.target));
    await publishing;
    await quiet();
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.deepEqual(readdirSync(node.stateDirectory), []);
    assert.deepEqual(node.api.names, []);
    assert.deepEqual([...driver.volumes.all()], []);
  });

  it('deletes a request whose creation was cut off and got through all the same', async () => {
    const held = gate();
    node.api.afterCreate = () => held.opened;
    const publishing = driver.publish(sourceOf(node.target)).catch(() => {});
    await quiet();
    const unpublishing = driver.unpublish(sourceOf(node.target));
    held.fail(new Error('connection lost'));
    await unpublishing;
    await publishing;
    await quiet();
    assert.equal(node.api.created.length, 1);
    assert.deepEqual(node.api.names, []);
  });

  it('is not overtaken by a publish that would find the volume still there', async () => {
    await driver.publish(sourceOf(node.target));
    const held = gate();
    node.kernel.beforeUnmount = () => held.opened;
    const unpublishing = driver.unpublish(sourceOf(node.target));
    await assert.rejects(driver.publish(sourceOf(node.target)), failure('busy', 'unpublish is under way'));
    held.open();
    await unpublishing;
    assert.deepEqual(node.kernel.mountPoints, []);
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
  });

  it('fails when the kernel refuses, keeps the record, and can be repeated', async () => {
    await driver.publish(sourceOf(node.target));
    node.kernel.unmountFailure = new Error('device is on fire');
    await assert.rejects(driver.unpublish(sourceOf(node.target)), failure('mount-failed', 'on fire'));
    assert.equal(readdirSync(node.stateDirectory).length, 1);
    node.kernel.unmountFailure = undefined;
    await driver.unpublish(sourceOf(node.target));
    assert.deepEqual(readdirSync(node.stateDirectory), []);
  });
});
