import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { KubeError } from '../../src/kube/index.ts';
import { VolumeError } from '../../src/driver/volume/volume-error.ts';
import { hour, minute, second, sourceOf } from '../unit/driver/support/builders.ts';
import { assertWhole, quiet, type TestDriver, TestNode } from '../unit/driver/support/test-node.ts';

/** The kubelet's calls while the API server is away: one every two minutes, each of which must be of the repeatable kind. */
async function callInVain(node: TestNode, driver: TestDriver, lengthMs: number): Promise<void> {
  for (let passed = 0; passed < lengthMs; passed += 2 * minute) {
    const deadline = new AbortController();
    const answer = driver.publish(sourceOf(node.target), deadline.signal).then(
      () => assert.fail('answered OK without a certificate'),
      (error: unknown) => error,
    );
    await node.pass(29 * second);
    deadline.abort(new VolumeError('not-issued-yet', 'the deadline of the call is reached'));
    const error = await answer;
    assert.ok(error instanceof VolumeError, String(error));
    assert.ok(['api-unavailable', 'not-issued-yet'].includes(error.reason), error.message);
    await node.pass(2 * minute - 29 * second);
  }
}

describe('an API server that is away for ten minutes', () => {
  it('before a request is made: one is made when it is back, with the key of the first call', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.api.goDown();
    await callInVain(node, driver, 10 * minute);
    node.api.comeBack();
    await node.pass(minute);
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
    assert.equal(node.api.created.length, 1);
    assert.equal(node.keysMade, 1);
  });

  it('as it answers to the creation: the request is taken up', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.api.afterCreate = async () => {
      node.api.goDown();
      throw new KubeError('unavailable', 'POST: the connection was lost');
    };
    await callInVain(node, driver, 10 * minute);
    node.api.afterCreate = undefined;
    node.api.comeBack();
    const request = node.api.requests[0] ?? assert.fail('no request');
    node.api.setStatus(request.metadata.name ?? '', await node.authority.sign(request, node.clock.now()));
    await node.pass(minute);
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
    assert.equal(node.api.created.length, 1);
    assert.equal(node.keysMade, 1);
  });

  it('while a request waits: its certificate is taken when the watch is back', async () => {
    using node = await TestNode.create();
    node.api.answer = async () => undefined;
    const driver = await node.start();
    const first = driver.publish(sourceOf(node.target));
    first.catch(() => {});
    await quiet();
    node.api.goDown();
    await node.pass(10 * minute);
    assert.ok(!existsSync(`${node.target}/..data`));
    const request = node.api.requests[0] ?? assert.fail('no request');
    node.api.comeBack();
    node.api.setStatus(request.metadata.name ?? '', await node.authority.sign(request, node.clock.now()));
    await node.pass(minute);
    await first;
    assertWhole(node.target);
    assert.equal(node.api.created.length, 1);
  });

  it('when a renewal is due: the pod keeps its files, attempts are few, and it is renewed when the server is back', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.api.goDown();
    await node.pass(16 * hour);
    const before = driver.renewals.length;
    await node.pass(10 * minute);
    assert.ok(driver.renewals.length - before <= 10, `${driver.renewals.length - before} attempts`);
    assert.equal(assertWhole(node.target), serial);
    await driver.publish(sourceOf(node.target));
    node.api.comeBack();
    await node.pass(6 * minute);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 2);
    assert.equal(node.keysMade, 2);
    assert.equal(node.api.requests.length, 1);
  });

  it('while a renewal waits: the same request is taken up', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.api.answer = async () => undefined;
    await node.pass(16 * hour);
    node.api.goDown();
    await node.pass(10 * minute);
    assert.equal(assertWhole(node.target), serial);
    node.api.comeBack();
    const request = node.api.requests.at(-1) ?? assert.fail('no request');
    node.api.setStatus(request.metadata.name ?? '', await node.authority.sign(request, node.clock.now()));
    await node.pass(6 * minute);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 2);
    assert.equal(node.keysMade, 2);
  });

  it('when a pod goes: its volume goes at once, and its request when the server is back', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    await driver.publish(sourceOf(node.target));
    node.api.goDown();
    await driver.unpublish(sourceOf(node.target));
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.ok(!existsSync(node.target));
    await node.pass(10 * minute);
    node.api.comeBack();
    await node.pass(20 * minute);
    assert.deepEqual(node.api.names, []);
    await driver.stop();
    assert.equal(node.clock.pending, 0, 'no timer stays');
  });
});
