import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { deniedStatus, failedStatus } from '../support/authority.ts';
import { failure, gate, minute, sourceOf } from '../support/builders.ts';
import { assertWhole, quiet, type TestDriver, TestNode, until } from '../support/test-node.ts';

let node: TestNode;
let driver: TestDriver;

beforeEach(async () => {
  node = await TestNode.create();
  driver = await node.start();
});
afterEach(() => node[Symbol.dispose]());

const timeUp = new VolumeError('not-issued-yet', 'the deadline of the call is reached');

function assertNothingLeft(): void {
  assert.deepEqual(node.kernel.mountPoints, []);
  assert.ok(!existsSync(node.target), 'no target path');
  assert.deepEqual(readdirSync(node.stateDirectory), [], 'no record');
}

describe('publishing a volume', () => {
  it('answers when a whole, verified set of files is there', async () => {
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
    assert.equal(node.api.requests.length, 1);
  });

  it('leaves no key but that of the certificate, and no secret in the record', async () => {
    await driver.publish(
      sourceOf(node.target, { 'csi.storage.k8s.io/serviceAccount.tokens': '{"aud":{"token":"eyJ.secret"}}' }),
    );
    assert.ok(!existsSync(join(node.target, '..pending')));
    const record = readFileSync(join(node.stateDirectory, 'csi-1.json'), 'utf8');
    assert.doesNotMatch(record, /PRIVATE KEY|eyJ|serviceAccount\.tokens/);
    assert.equal(statSync(join(node.stateDirectory, 'csi-1.json')).mode & 0o777, 0o600);
  });

  it('answers a republish at once, without another request, also when the API server is away', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.api.goDown();
    await driver.publish(sourceOf(node.target));
    assert.equal(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 1);
  });

  it('keeps what a pod has when its attributes are no longer accepted', async () => {
    await driver.publish(sourceOf(node.target));
    await driver.publish(sourceOf(node.target, { duration: 'no duration' }));
    assertWhole(node.target);
  });

  it('refuses a wrong attribute before anything is done', async () => {
    await assert.rejects(
      driver.publish(sourceOf(node.target, { 'key-size': '1' })),
      failure('invalid-attribute', 'key-size "1"'),
    );
    assertNothingLeft();
    assert.equal(node.api.created.length, 0);
    assert.equal(driver.volumes.get('csi-1'), undefined);
  });

  it('refuses a second target path for a volume, and a second volume on a target path', async () => {
    await driver.publish(sourceOf(node.target));
    await assert.rejects(
      driver.publish(sourceOf(node.targetOf('other'))),
      failure('published-elsewhere', node.target),
    );
    await assert.rejects(
      driver.publish(sourceOf(node.target, {}, 'csi-2')),
      failure('invalid-request', 'csi-1 is published at'),
    );
    await assert.rejects(
      driver.unpublish(sourceOf(node.target, {}, 'csi-2')),
      failure('invalid-request', 'csi-1 is published at'),
    );
    assertWhole(node.target);
  });

  it('refuses a target path that leads elsewhere', async () => {
    const { symlinkSync } = await import('node:fs');
    symlinkSync(node.stateDirectory, node.target);
    await assert.rejects(
      driver.publish(sourceOf(node.target)),
      failure('mount-failed', 'is not a directory'),
    );
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.ok(lstatSync(node.target).isSymbolicLink());
  });
});

describe('publishing the same volume twice at once', () => {
  it('answers both calls only when the files are there, with one request', async () => {
    const held = gate();
    node.api.beforeCreate = () => held.opened;
    let answered = 0;
    const calls = [1, 2, 3].map(async () => {
      await driver.publish(sourceOf(node.target));
      answered += 1;
      assertWhole(node.target);
    });
    await quiet();
    assert.equal(answered, 0);
    held.open();
    await Promise.all(calls);
    assert.equal(node.api.created.length, 1);
    assert.equal(node.keysMade, 1);
  });
});

describe('a request that is denied', () => {
  beforeEach(() => {
    node.api.answer = async () => deniedStatus('no such name for web/api');
  });

  it('fails the publish with the reason and leaves nothing on the node', async () => {
    await assert.rejects(
      driver.publish(sourceOf(node.target)),
      failure('denied', 'web/api-0-h1', 'no such name for web/api'),
    );
    assertNothingLeft();
    assert.equal(driver.volumes.get('csi-1')?.state, 'refused');
  });

  it('stays for people to look at; the next calls repeat the reason for a minute and then ask anew', async () => {
    await assert.rejects(driver.publish(sourceOf(node.target)), failure('denied'));
    await node.pass(59_000);
    await assert.rejects(driver.publish(sourceOf(node.target)), failure('denied', 'no such name'));
    assert.deepEqual(node.api.names, ['api-0-h1']);
    await node.pass(1_000);
    node.api.answer = (request) => node.authority.sign(request, node.clock.now());
    await driver.publish(sourceOf(node.target));
    await quiet();
    assert.deepEqual(node.api.names, ['api-0-h2'], 'the denied one is gone, one remains');
    assertWhole(node.target);
  });

  it('is forgotten when the request is deleted, as with its pod', async () => {
    await assert.rejects(driver.publish(sourceOf(node.target)), failure('denied'));
    await node.api.delete({ namespace: 'web', name: 'api-0-h1' });
    await quiet();
    assert.equal(driver.volumes.get('csi-1'), undefined);
  });

  it('is forgotten when the volume is unpublished', async () => {
    await assert.rejects(driver.publish(sourceOf(node.target)), failure('denied'));
    await driver.unpublish(sourceOf(node.target));
    await quiet();
    assert.equal(driver.volumes.get('csi-1'), undefined);
    assert.deepEqual(node.api.names, []);
  });
});

describe('a request that fails', () => {
  it("fails the publish with the issuer's message; the next call asks anew, with another key", async () => {
    node.api.answer = async () => failedStatus('the issuer is out of ink');
    await assert.rejects(
      driver.publish(sourceOf(node.target)),
      failure('issuance-failed', 'the issuer is out of ink'),
    );
    assertNothingLeft();
    node.api.answer = (request) => node.authority.sign(request, node.clock.now());
    await driver.publish(sourceOf(node.target));
    await quiet();
    assert.equal(node.keysMade, 2);
    assert.deepEqual(node.api.names, ['api-0-h2']);
  });

  it('is found out when the issuer returns what was not asked for', async () => {
    node.api.answer = (request) =>
      node.authority.sign(request, node.clock.now(), {
        altNames: { dnsNames: ['admin.example'], ipAddresses: [], uris: [], emailAddresses: [] },
      });
    await assert.rejects(driver.publish(sourceOf(node.target)), failure('issued-wrong', 'admin.example'));
    assertNothingLeft();
  });
});

describe('a request that nobody answers', () => {
  beforeEach(() => {
    node.api.answer = async () => undefined;
  });

  it('ends at the deadline, saying what is waited for; the next call goes on with the same request and key', async () => {
    const deadline = new AbortController();
    const first = driver.publish(sourceOf(node.target), deadline.signal);
    await quiet();
    deadline.abort(timeUp);
    await assert.rejects(first, failure('not-issued-yet', 'web/api-0-h1', 'has not been approved yet'));
    assert.equal(node.kernel.mountPoints.length, 1, 'the mount is kept for the next call');

    const second = driver.publish(sourceOf(node.target));
    await quiet();
    const [request] = node.api.requests;
    assert.ok(request);
    node.api.setStatus('api-0-h1', await node.authority.sign(request, node.clock.now()));
    await second;
    assertWhole(node.target);
    assert.equal(node.api.created.length, 1);
    assert.equal(node.keysMade, 1);
  });

  describe('when a later call is refused for good', () => {
    const passwords = (password: string): VolumeSource => ({
      ...sourceOf(node.target, { 'jks-enable': 'true' }),
      secrets: { 'keystore-password': password },
    });

    async function begin(source: VolumeSource): Promise<void> {
      const deadline = new AbortController();
      const first = driver.publish(source, deadline.signal);
      await quiet();
      deadline.abort(timeUp);
      await assert.rejects(first, failure('not-issued-yet'));
    }

    async function assertAllGone(): Promise<void> {
      await quiet();
      assertNothingLeft();
      assert.deepEqual(node.api.names, []);
      assert.equal(driver.volumes.get('csi-1'), undefined);
    }

    it('leaves nothing of the earlier ones', async () => {
      await begin(passwords('changeit'));
      await assert.rejects(driver.publish(passwords('changeit\n')), failure('invalid-attribute'));
      await assertAllGone();
    });

    it('leaves nothing of those before a restart', async () => {
      await begin(passwords('changeit'));
      driver.life.kill();
      driver = await node.start();
      await assert.rejects(driver.publish(passwords('')), failure('invalid-attribute'));
      await assertAllGone();
    });

    it('leaves nothing of a mount that nobody remembers', async () => {
      await begin(sourceOf(node.target));
      driver.life.kill();
      rmSync(join(node.stateDirectory, 'csi-1.json'));
      driver = await node.start();
      const refused = driver.publish(sourceOf(node.target, { 'key-size': '1' }));
      await assert.rejects(refused, failure('invalid-attribute'));
      await assertAllGone();
    });

    it('does not touch one that is under way', async () => {
      const first = driver.publish(sourceOf(node.target));
      await quiet();
      await assert.rejects(driver.publish(sourceOf(node.target, { 'key-size': '1' })), failure('busy'));
      const [request] = node.api.requests;
      assert.ok(request);
      node.api.setStatus('api-0-h1', await node.authority.sign(request, node.clock.now()));
      await first;
      assertWhole(node.target);
    });

    it('does not touch a volume at another path', async () => {
      await begin(sourceOf(node.target));
      const elsewhere = sourceOf(node.targetOf('elsewhere'), { 'key-size': '1' });
      await assert.rejects(driver.publish(elsewhere), failure('invalid-attribute'));
      assert.equal(node.kernel.mountPoints.length, 1);
      assert.equal(driver.volumes.get('csi-1')?.state, 'requested');
    });
  });

  it('is made again by the next call when somebody deletes it', async () => {
    const first = driver.publish(sourceOf(node.target));
    const outcome = assert.rejects(first, failure('not-issued-yet', 'was deleted'));
    await until(() => node.api.requests.length === 1, 'the request');
    await quiet();
    await node.api.delete({ namespace: 'web', name: 'api-0-h1' });
    await outcome;
    node.api.answer = (request) => node.authority.sign(request, node.clock.now());
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
    assert.equal(node.keysMade, 1);
  });
});

describe('an API server that is away', () => {
  it('fails the publish in a way that the kubelet repeats, and keeps the key', async () => {
    node.api.goDown();
    await assert.rejects(
      driver.publish(sourceOf(node.target)),
      failure('api-unavailable', 'connection refused'),
    );
    node.api.comeBack();
    await node.pass(minute);
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
    assert.equal(node.keysMade, 1);
  });
});

describe('a node without room', () => {
  it('keeps a volume whose record can no longer be written, and renews it', async () => {
    await driver.publish(sourceOf(node.target, {}, 'csi-1'));
    await driver.unpublish(sourceOf(node.target));
    const { mkdirSync } = await import('node:fs');
    node.api.afterCreate = async () => {
      // Nothing can take the place of the record from here on.
      mkdirSync(join(node.stateDirectory, 'csi-1.json.tmp'));
      writeFileSync(join(node.stateDirectory, 'csi-1.json.tmp', 'x'), '');
    };
    await driver.publish(sourceOf(node.target));
    node.api.afterCreate = undefined;
    const serial = assertWhole(node.target);
    await node.pass(17 * 60 * minute);
    assert.notEqual(assertWhole(node.target), serial);
  });

  it('does not mount what it cannot record, and takes it up when there is room', async () => {
    const { mkdirSync, rmdirSync } = await import('node:fs');
    mkdirSync(join(node.stateDirectory, 'csi-1.json.tmp'));
    await assert.rejects(
      driver.publish(sourceOf(node.target)),
      failure('mount-failed', "the volume's record"),
    );
    assert.deepEqual(node.kernel.mountPoints, []);
    rmdirSync(join(node.stateDirectory, 'csi-1.json.tmp'));
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
  });
});

describe('stopping', () => {
  it('ends a publish that waits with a code that the kubelet repeats, and starts none', async () => {
    node.api.answer = async () => undefined;
    const waiting = driver.publish(sourceOf(node.target));
    const outcome = assert.rejects(waiting, failure('shutting-down'));
    await quiet();
    const stopping = driver.volumes.stop(7_000);
    await assert.rejects(
      driver.publish(sourceOf(node.targetOf('csi-2'), {}, 'csi-2')),
      failure('shutting-down'),
    );
    await node.pass(7_000);
    await outcome;
    await stopping;
    assert.equal(node.kernel.mountPoints.length, 1, 'kept for the next process');
  });

  it('lets a publish that only takes a moment finish', async () => {
    const held = gate();
    node.api.beforeCreate = () => held.opened;
    const waiting = driver.publish(sourceOf(node.target));
    await quiet();
    const stopping = driver.volumes.stop(7_000);
    held.open();
    await waiting;
    await stopping;
    assertWhole(node.target);
  });
});
