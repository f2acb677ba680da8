import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { openssl } from '../../pki/support/openssl.ts';
import { failure, hour, sourceOf } from '../support/builders.ts';
import { assertWhole, quiet, TestNode } from '../support/test-node.ts';

let node: TestNode;
beforeEach(async () => {
  node = await TestNode.create();
});
afterEach(() => node[Symbol.dispose]());

function ask(secrets: Record<string, string>, attributes: Record<string, string> = {}): VolumeSource {
  return { ...sourceOf(node.target, { 'pkcs12-enable': 'true', ...attributes }), secrets };
}

/** Whether the key store in the volume opens with this password and has the key of the certificate beside it. */
function opensWith(password: string): boolean {
  const p12 = readFileSync(join(node.target, 'keystore.p12'));
  let text: string;
  try {
    text = openssl(['pkcs12', '-in', '@p12', '-passin', `pass:${password}`, '-nodes', '-clcerts'], { p12 });
  } catch {
    return false;
  }
  const serial = openssl(['x509', '-in', '@in', '-noout', '-serial'], { in: text }).trim();
  assert.equal(serial.toLowerCase(), `serial=${assertWhole(node.target)}`);
  return true;
}

describe('a volume with a key store', () => {
  it('has it with the password of the Secret, and keeps the password nowhere but in its own memory', async () => {
    const driver = await node.start();
    await driver.publish(ask({ 'pkcs12-password': 'hunter2' }));
    assert.ok(opensWith('hunter2'));
    for (const name of readdirSync(node.stateDirectory))
      assert.ok(!readFileSync(join(node.stateDirectory, name), 'utf8').includes('hunter2'), name);
    assert.equal(statSync(join(node.target, '..passwords')).mode & 0o777, 0o400);
  });

  it('is refused without a password, before anything is done', async () => {
    const driver = await node.start();
    await assert.rejects(
      driver.publish(ask({ other: 'x' })),
      failure('invalid-attribute', 'nodePublishSecretRef', 'pkcs12-password', 'keystore-password'),
    );
    assert.ok(!existsSync(node.target));
    assert.deepEqual(readdirSync(node.stateDirectory), []);
    assert.equal(node.api.created.length, 0);
  });

  it('is renewed by a restarted driver, which has no Secret', async () => {
    const first = await node.start();
    await first.publish(ask({ 'keystore-password': 'hunter2' }));
    const serial = assertWhole(node.target);
    await first.stop();
    const next = await node.start();
    await node.pass(16 * hour);
    assert.deepEqual(next.errors, []);
    assert.notEqual(assertWhole(node.target), serial);
    assert.ok(opensWith('hunter2'));
  });

  it('takes the password of a changed Secret with its next generation', async () => {
    const driver = await node.start();
    await driver.publish(ask({ 'keystore-password': 'one' }));
    await driver.publish(ask({ 'keystore-password': 'two' }));
    assert.ok(opensWith('one'), 'what the pod has stays');
    await node.pass(16 * hour);
    assert.ok(opensWith('two'));
  });

  it('keeps its password when the Secret has none any more', async () => {
    const driver = await node.start();
    await driver.publish(ask({ 'keystore-password': 'one' }));
    await driver.publish(ask({}));
    await node.pass(16 * hour);
    assert.ok(opensWith('one'));
  });

  it('keeps the files of a pod whose record was lost, also when the Secret has no password any more', async () => {
    const first = await node.start();
    await first.publish(ask({ 'keystore-password': 'one' }));
    const serial = assertWhole(node.target);
    await first.stop();
    for (const name of readdirSync(node.stateDirectory)) rmSync(join(node.stateDirectory, name));
    const next = await node.start();
    await next.publish(ask({}));
    assert.equal(assertWhole(node.target), serial);
    await next.publish(ask({ 'keystore-password': 'two' }));
    assert.equal(next.volumes.get('csi-1')?.state, 'live');
    await node.pass(16 * hour);
    assert.ok(opensWith('two'));
  });
});

describe('a volume with a password file', () => {
  it('has one password for its whole life, in a file beside the key store', async () => {
    const attributes = { 'keystore-password-file': 'password', 'jks-enable': 'true' };
    const first = await node.start();
    await first.publish(ask({}, attributes));
    const password = readFileSync(join(node.target, 'password'), 'utf8');
    assert.match(password, /^[A-Za-z0-9_-]{24,}$/);
    assert.ok(opensWith(password));
    assert.ok(existsSync(join(node.target, 'keystore.jks')));
    await first.publish(ask({}, attributes));
    await first.stop();
    await node.start();
    await quiet();
    const serial = assertWhole(node.target);
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(readFileSync(join(node.target, 'password'), 'utf8'), password);
    assert.ok(opensWith(password));
  });
});
