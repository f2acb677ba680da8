import assert from 'node:assert/strict';
import { existsSync, rmSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { deniedStatus, failedStatus } from '../support/authority.ts';
import { gate, hour, minute, second, sourceOf } from '../support/builders.ts';
import { assertWhole, quiet, type TestDriver, TestNode, until } from '../support/test-node.ts';

let node: TestNode;
let driver: TestDriver;

beforeEach(async () => {
  node = await TestNode.create();
  driver = await node.start();
});
afterEach(() => node[Symbol.dispose]());

const keyOf = (target: string): string => readFileSync(join(target, 'tls.key'), 'utf8');

describe('a renewal', () => {
  it('comes at two thirds of the lifetime, with a new key, and one request remains', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    const key = keyOf(node.target);
    await node.pass(16 * hour - 1);
    assert.equal(assertWhole(node.target), serial);
    await node.pass(1);
    assert.notEqual(assertWhole(node.target), serial);
    assert.notEqual(keyOf(node.target), key);
    assert.deepEqual(node.api.names, ['api-0-h2']);
    assert.deepEqual(driver.renewals, ['renewed']);
  });

  it('comes renew-before its end, again and again', async () => {
    await driver.publish(sourceOf(node.target, { duration: '1h', 'renew-before': '50m' }));
    for (let renewal = 1; renewal <= 5; renewal++) {
      await node.pass(10 * minute);
      await until(
        () => driver.renewals.length === renewal && !existsSync(join(node.target, '..pending')),
        'it',
      );
    }
    assert.equal(node.api.requests.length, 1);
  });

  it('does not chase the one before when the issuer gives no more than renew-before and dates it back', async () => {
    node.api.answer = async (request) => {
      const now = node.clock.now();
      const lifetime = { notBefore: new Date(now - 30 * second), notAfter: new Date(now + 24 * hour) };
      return node.authority.sign(request, now, lifetime);
    };
    await driver.publish(sourceOf(node.target, { duration: '72h', 'renew-before': '24h' }));
    await node.pass(minute);
    assert.deepEqual(driver.renewals, []);
    await node.pass(16 * hour - minute);
    assert.deepEqual(driver.renewals, ['renewed']);
  });

  it('keeps the key with reuse-private-key', async () => {
    await driver.publish(sourceOf(node.target, { 'reuse-private-key': 'true' }));
    const serial = assertWhole(node.target);
    const key = keyOf(node.target);
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(keyOf(node.target), key);
  });

  it('is late, but not lost, when the disk held up the one before for longer than the time between', async () => {
    await driver.publish(sourceOf(node.target, { duration: '1h', 'renew-before': '50m' }));
    const held = gate();
    node.beforeRecord = () => held.opened;
    await node.pass(10 * minute);
    const serial = assertWhole(node.target);
    await node.pass(15 * minute);
    node.beforeRecord = undefined;
    held.open();
    await node.pass(minute);
    assert.notEqual(assertWhole(node.target), serial);
    assert.deepEqual(driver.renewals, ['renewed', 'renewed']);
  });

  it('is late, but not lost, when the wall clock was set', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.clock.setWall(node.clock.now() + 17 * hour);
    await node.pass(30 * second);
    assert.notEqual(assertWhole(node.target), serial);
  });
});

describe('a renewal that fails', () => {
  it('never touches the files, tells the pod, and comes again later each time', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.api.answer = async () => failedStatus('out of ink');
    await node.pass(16 * hour);
    assert.equal(assertWhole(node.target), serial);
    assert.deepEqual(driver.events[0]?.reason, 'CertificateRenewalFailed');
    assert.match(driver.events[0]?.note ?? '', /out of ink.*lives until 2026-01-02T00:00:00\.000Z.*in 5 s/);
    const attempts = (): number => driver.renewals.length;
    assert.equal(attempts(), 1);
    await node.pass(5 * second);
    assert.equal(attempts(), 2);
    await node.pass(9 * second);
    assert.equal(attempts(), 2);
    await node.pass(1 * second);
    assert.equal(attempts(), 3);
    await node.pass(hour);
    const before = attempts();
    await node.pass(hour);
    assert.equal(attempts() - before, 12, 'every five minutes at last');
    assert.equal(assertWhole(node.target), serial);
    assert.equal(node.api.requests.length, 1, 'failed requests are not left lying about');
    node.api.answer = (request) => node.authority.sign(request, node.clock.now());
    await node.pass(5 * minute);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(driver.renewals.at(-1), 'renewed');
  });

  it('says so when the certificate has expired', async () => {
    await driver.publish(sourceOf(node.target));
    node.api.answer = async () => deniedStatus('policy');
    await node.pass(25 * hour);
    assert.ok(
      driver.events.some(({ reason, note }) => reason === 'CertificateExpired' && note.includes('policy')),
    );
    assertWhole(node.target);
  });

  it('goes on with the same request and key when it was only not answered in time', async () => {
    await driver.publish(sourceOf(node.target));
    node.api.answer = async () => undefined;
    await node.pass(16 * hour);
    assert.equal(driver.volumes.get('csi-1')?.state, 'renewing');
    await node.pass(30 * second);
    assert.deepEqual(driver.renewals, ['not-issued-yet']);
    const waiting = node.api.requests.find((request) => request.metadata.name === 'api-0-h2');
    assert.ok(waiting);
    node.api.setStatus('api-0-h2', await node.authority.sign(waiting, node.clock.now()));
    await quiet();
    await node.pass(0);
    assert.deepEqual(driver.renewals, ['not-issued-yet', 'renewed'], 'at once');
    assert.equal(node.api.created.length, 2);
    assert.equal(node.keysMade, 2);
    assertWhole(node.target);
  });

  it('waits for an API server that is away', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.api.goDown();
    await node.pass(17 * hour);
    assert.equal(assertWhole(node.target), serial);
    assert.equal(driver.renewals.at(-1), 'api-unavailable');
    node.api.comeBack();
    await node.pass(6 * minute);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.requests.length, 1);
  });

  it('comes again before the certificate expires when the API server is back shortly before', async () => {
    for (const random of [0, 0.5, 0.99]) {
      using other = await TestNode.create();
      other.random = () => random;
      driver = await other.start();
      await driver.publish(sourceOf(other.target, { duration: '10m' }));
      await other.pass(6 * minute);
      other.api.goDown();
      await other.pass(3.5 * minute);
      other.api.comeBack();
      for (let seconds = 0; seconds < 20; seconds++) await other.pass(second);
      assert.equal(driver.renewals.at(-1), 'renewed', `random ${random}`);
      assertWhole(other.target);
    }
  });

  it('comes again seldom when the certificate has long expired', async () => {
    await driver.publish(sourceOf(node.target, { duration: '10m' }));
    node.api.goDown();
    await node.pass(2 * hour);
    const before = driver.renewals.length;
    await node.pass(hour);
    assert.equal(driver.renewals.length - before, 12);
  });

  it('does not come at once when there is an answer and something else is missing', async () => {
    const source = sourceOf(node.target, { 'jks-enable': 'true' });
    await driver.publish({ ...source, secrets: { 'keystore-password': 'changeit' } });
    rmSync(join(node.target, '..passwords'));
    await node.pass(16 * hour);
    await node.pass(4 * second);
    assert.deepEqual(driver.renewals, ['not-issued-yet']);
    await node.pass(second);
    assert.deepEqual(driver.renewals, ['not-issued-yet', 'not-issued-yet']);
  });

  it('keeps the old files when the issuer returns a certificate for another key', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    const [first] = node.api.requests;
    const status = first?.status;
    node.api.answer = async () => status;
    await node.pass(16 * hour);
    assert.deepEqual(driver.renewals, ['issued-wrong']);
    assert.equal(assertWhole(node.target), serial);
  });
});

describe('a renewal and an unpublish at once', () => {
  it('the unpublish ends the renewal; nothing of the volume comes back', async () => {
    await driver.publish(sourceOf(node.target));
    node.api.answer = async () => undefined;
    await node.pass(16 * hour);
    assert.equal(driver.volumes.get('csi-1')?.state, 'renewing');
    await driver.unpublish(sourceOf(node.target));
    await quiet();
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.deepEqual(node.api.names, []);
    await node.pass(24 * hour);
    assert.equal(node.api.created.length, 2);
    assert.deepEqual([...driver.volumes.all()], []);
  });

  it('the unpublish waits for a key that is being made, and no longer', async () => {
    await driver.publish(sourceOf(node.target));
    node.api.answer = async () => undefined;
    const held = gate();
    node.api.beforeCreate = () => held.opened;
    await node.clock.advance(16 * hour);
    await driver.unpublish(sourceOf(node.target));
    assert.deepEqual(node.kernel.mountPoints, []);
  });

  it('the renewals go on when the unpublish fails', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    const { answer } = node.api;
    node.api.answer = async () => undefined;
    await node.pass(16 * hour);
    node.kernel.unmountFailure = new Error('busy');
    await assert.rejects(driver.unpublish(sourceOf(node.target)), /busy/);
    const waiting = node.api.requests.find((request) => request.metadata.name === 'api-0-h2');
    assert.ok(waiting);
    const status = await answer(waiting);
    assert.ok(status);
    node.api.setStatus('api-0-h2', status);
    await node.pass(30 * second);
    assert.notEqual(assertWhole(node.target), serial);
  });
});

describe('a renewal and a stop at once', () => {
  it('the next process takes the renewal up where it was', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    const { answer } = node.api;
    node.api.answer = async () => undefined;
    await node.pass(16 * hour);
    const stopping = driver.stop();
    await node.pass(0);
    await stopping;
    assert.equal(assertWhole(node.target), serial);
    const waiting = node.api.requests.find((request) => request.metadata.name === 'api-0-h2');
    assert.ok(waiting);
    node.api.setStatus('api-0-h2', (await answer(waiting)) ?? assert.fail());
    const next = await node.start();
    await node.pass(0);
    await until(() => next.renewals.length === 1, 'the renewal');
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 2);
    assert.equal(node.keysMade, 2);
  });
});
