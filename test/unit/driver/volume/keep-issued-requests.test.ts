import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hour, second, sourceOf } from '../support/builders.ts';
import { assertWhole, TestNode } from '../support/test-node.ts';

async function nodeWithoutRequests(): Promise<TestNode> {
  const node = await TestNode.create();
  node.keepIssuedRequests = false;
  return node;
}

describe('a driver that keeps no issued requests', () => {
  it('deletes the request when its certificate is in the volume, at the publish and at each renewal', async () => {
    using node = await nodeWithoutRequests();
    const driver = await node.start();
    await driver.publish(sourceOf(node.target));
    await node.pass(second);
    const serial = assertWhole(node.target);
    assert.equal(node.api.created.length, 1);
    assert.deepEqual(node.api.names, []);
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 2);
    assert.deepEqual(node.api.names, []);
  });

  it('keeps the request under way, over a restart too', async () => {
    using node = await nodeWithoutRequests();
    const driver = await node.start();
    await driver.publish(sourceOf(node.target));
    node.api.answer = async () => undefined;
    await node.pass(16 * hour);
    const under = node.api.names;
    assert.equal(under.length, 1);
    driver.life.kill();
    await node.start();
    assert.deepEqual(node.api.names, under);
    const [open] = node.api.requests;
    assert.ok(open);
    node.api.setStatus(under[0] ?? '', await node.authority.sign(open, node.clock.now()));
    await node.pass(second);
    assertWhole(node.target);
    assert.equal(node.api.created.length, 2);
    assert.deepEqual(node.api.names, []);
  });

  it('deletes what an earlier driver has kept', async () => {
    using node = await TestNode.create();
    const keeping = await node.start();
    await keeping.publish(sourceOf(node.target));
    keeping.life.kill();
    assert.equal(node.api.names.length, 1);
    node.keepIssuedRequests = false;
    await node.start();
    await node.pass(second);
    assert.deepEqual(node.api.names, []);
    assertWhole(node.target);
  });
});
