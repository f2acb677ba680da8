import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hour, minute, second, sourceOf } from '../support/builders.ts';
import { podObject } from '../support/fake-pods.ts';
import { assertWhole, TestNode } from '../support/test-node.ts';

function loseRecords(node: TestNode): void {
  for (const name of readdirSync(node.stateDirectory)) rmSync(join(node.stateDirectory, name));
}

describe('a live volume that has lost its record while the driver runs', () => {
  it('has it again after the next publish, so that a restarted driver knows it', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    const source = sourceOf(node.target);
    await driver.publish(source);
    const serial = assertWhole(node.target);
    loseRecords(node);
    await driver.publish(source);
    assert.deepEqual(readdirSync(node.stateDirectory), ['csi-1.json']);
    driver.life.kill();
    const next = await node.start();
    assert.equal(next.volumes.get('csi-1')?.state, 'live');
    assert.equal(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 1);
  });

  it('is renewed with the address of its pod, which is completed from the record', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(podObject({ status: { podIPs: [{ ip: '10.0.0.7' }] } }));
    const source = sourceOf(node.target, { start: 'without-certificate', 'ip-sans': '${POD_IP}' });
    await driver.publish(source);
    await node.pass(second);
    const serial = assertWhole(node.target);
    loseRecords(node);
    await driver.publish(source);
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(node.target), serial);
  });

  it('is answered OK although the record cannot be written', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    const source = sourceOf(node.target);
    await driver.publish(source);
    loseRecords(node);
    node.beforeRecord = async () => {
      throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    };
    await driver.publish(source);
    assertWhole(node.target);
  });
});

describe('a live volume whose pod has lost what its certificate waits for', () => {
  it('tells of it again and again, and of the end', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(podObject({ annotations: { 'example.com/name': 'x' } }));
    await driver.publish(sourceOf(node.target, { 'wait-for': 'pod-annotation:example.com/name' }));
    node.pods.set(podObject());
    await node.pass(16 * hour);
    await node.pass(10 * minute);
    const failed = driver.events.filter(({ reason }) => reason === 'CertificateRenewalFailed');
    assert.ok(failed.length >= 2, `${failed.length} Events`);
    assert.match(failed[0]?.note ?? '', /waits for the pod's annotation example\.com\/name/);
    await node.pass(8 * hour);
    assert.equal(driver.events.at(-1)?.reason, 'CertificateExpired');
    node.pods.set(podObject({ annotations: { 'example.com/name': 'x' } }));
    await node.pass(second);
    assertWhole(node.target);
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
  });
});
