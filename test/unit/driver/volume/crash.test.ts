import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { VolumeRecords } from '../../../../src/driver/volume/state/volume-records.ts';
import { deniedStatus } from '../support/authority.ts';
import { hour, minute, sourceOf } from '../support/builders.ts';
import { assertWhole, quiet, type TestDriver, TestNode } from '../support/test-node.ts';
import * as fs from 'node:fs';

/**
 * Runs the work once for each of its steps, the driver killed at that step, and then what follows with the node as the killed
 * process left it.
 */
async function atEachStep(
  prepare: (node: TestNode, driver: TestDriver) => Promise<void>,
  work: (node: TestNode, driver: TestDriver) => Promise<void>,
  check: (node: TestNode, step: string) => Promise<void>,
): Promise<number> {
  for (let step = 1; ; step++) {
    using node = await TestNode.create();
    const driver = await node.start();
    await prepare(node, driver);
    driver.life.killAtStep(step);
    await work(node, driver).catch(() => {});
    await quiet();
    if (!driver.life.dead) return step - 1;
    const killedAt = `step ${step}: ${driver.life.steps.at(-1)}`;
    try {
      await check(node, killedAt);
    } catch (error) {
      throw new Error(`killed at ${killedAt}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function loadRecord(node: TestNode) {
  const [stored, ...more] = new VolumeRecords(
    { directory: node.stateDirectory },
    { fs, fsPromises: fs.promises },
  ).load();
  assert.equal(more.length, 0);
  assert.equal(stored?.kind, 'record');
  return stored?.kind === 'record' ? stored.record : assert.fail();
}

describe('a driver that is killed while it publishes', () => {
  it('at any step: the next one publishes with the same request where there is one, and leaves nothing over', async () => {
    const steps = await atEachStep(
      async () => {},
      (node, driver) => driver.publish(sourceOf(node.target)),
      async (node) => {
        const requestsBefore = node.api.names;
        const next = await node.start();
        await next.publish(sourceOf(node.target));
        await quiet();
        assertWhole(node.target);
        assert.deepEqual(node.kernel.mountPoints, [node.target]);
        assert.equal(node.api.requests.length, 1, 'one request remains');
        assert.deepEqual(
          node.api.created.map((request) => request.metadata.name),
          requestsBefore.length > 0 ? requestsBefore : node.api.names,
          'no second request for what had one',
        );
        assert.ok(!existsSync(join(node.target, '..pending')));
        assert.deepEqual(next.errors, []);
        await next.stop();
      },
    );
    assert.ok(steps > 20, `${steps} steps were tried`);
  });

  it('at any step: the kubelet may give up on the pod instead, and nothing stays', async () => {
    await atEachStep(
      async () => {},
      (node, driver) => driver.publish(sourceOf(node.target)),
      async (node) => {
        const next = await node.start();
        await next.unpublish(sourceOf(node.target));
        await quiet();
        assert.deepEqual(node.kernel.mountPoints, []);
        assert.ok(!existsSync(node.target));
        assert.deepEqual(readdirSync(node.stateDirectory), []);
        assert.deepEqual(node.api.names, []);
        assert.deepEqual([...next.volumes.all()], []);
      },
    );
  });

  it('at any step: a set of files that a pod could see is whole', async () => {
    await atEachStep(
      async () => {},
      (node, driver) => driver.publish(sourceOf(node.target)),
      async (node) => {
        if (!existsSync(join(node.target, '..data'))) return;
        for (const name of ['tls.key', 'tls.crt', 'ca.crt', 'credential-bundle.pem']) {
          assert.notEqual(readFileSync(join(node.target, name), 'utf8'), '', name);
        }
        const next = await node.start();
        assert.equal(next.volumes.get('csi-1')?.state, 'live', 'taken up as it is');
        assertWhole(node.target);
      },
    );
  });

  it('at any step of a refusal: the next call starts from nothing', async () => {
    await atEachStep(
      async (node) => {
        node.api.answer = async () => deniedStatus('no');
      },
      (node, driver) => driver.publish(sourceOf(node.target)),
      async (node) => {
        const next = await node.start();
        await next.publish(sourceOf(node.target)).catch(() => {});
        node.api.answer = (request) => node.authority.sign(request, node.clock.now());
        await node.pass(minute);
        await next.publish(sourceOf(node.target));
        await quiet();
        assertWhole(node.target);
        assert.equal(node.api.requests.length, 1);
      },
    );
  });
});

describe('a driver that is killed while it renews', () => {
  const renew = (node: TestNode) => node.pass(16 * hour);

  it('at any step: the pod has a whole set, and the renewal ends with the request that was under way', async () => {
    const steps = await atEachStep(
      (node, driver) => driver.publish(sourceOf(node.target)),
      renew,
      async (node) => {
        const serialBefore = assertSet(node.target);
        const next = await node.start();
        assert.equal(assertSet(node.target), serialBefore, 'a start changes nothing by itself');
        await node.pass(minute);
        assert.deepEqual(next.errors, []);
        const serial = assertWhole(node.target);
        assert.ok(!existsSync(join(node.target, '..pending')));
        assert.equal(node.api.created.length, 2, 'renewed once, not twice');
        assert.equal(node.api.requests.length, 1, 'one request remains');
        const record = loadRecord(node);
        assert.equal(record.request, node.api.names[0]);
        const volume = next.volumes.get('csi-1');
        assert.ok(volume?.state === 'live');
        assert.equal(volume.generation.serialNumber, serial);
        assert.ok(volume.renewAt > node.clock.now());
        assert.ok(volume?.state === 'live' && volume.renewAt > node.clock.now());
      },
    );
    assert.ok(steps > 20, `${steps} steps were tried`);
  });
});

describe('a driver that is killed while it unpublishes', () => {
  it('at any step: the next call, or the next start, brings it to its end', async () => {
    await atEachStep(
      (node, driver) => driver.publish(sourceOf(node.target)),
      (node, driver) => driver.unpublish(sourceOf(node.target)),
      async (node) => {
        const next = await node.start();
        await next.unpublish(sourceOf(node.target));
        await quiet();
        assert.deepEqual(node.kernel.mountPoints, []);
        assert.ok(!existsSync(node.target));
        assert.deepEqual(readdirSync(node.stateDirectory), []);
        assert.deepEqual(node.api.names, [], 'the request goes with it');
      },
    );
  });
});

/** As assertWhole, but generations of before may still lie about. */
function assertSet(target: string): string {
  const data = fs.readlinkSync(join(target, '..data'));
  for (const name of readdirSync(target)) {
    if (name.startsWith('..2') && name !== data) fs.rmSync(join(target, name), { recursive: true });
  }
  return assertWhole(target);
}
