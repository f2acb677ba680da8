import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Compatibility } from '../../../../src/driver/volume/attributes/compatibility.ts';
import { VolumeRecords } from '../../../../src/driver/volume/state/volume-records.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { deniedStatus } from '../support/authority.ts';
import { hour, minute, sourceOf } from '../support/builders.ts';
import { leaveVolume, leftFiles, remainsInOtherTmpfs, serialIn } from '../support/left-volume.ts';
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
  compatibility: Compatibility = 'none',
): Promise<number> {
  for (let step = 1; ; step++) {
    using node = await TestNode.create();
    node.compatibility = compatibility;
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

const withoutCertificate = (node: TestNode): VolumeSource => ({
  ...sourceOf(node.target, { start: 'without-certificate', 'wait-for': 'pod-ip' }),
  mountGroup: process.getgid?.(),
});

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

  it('at any step: a volume that starts without a certificate is whole when the call is answered', async () => {
    await atEachStep(
      async (node) => {
        node.api.answer = async () => undefined;
      },
      (node, driver) => driver.publish(withoutCertificate(node)),
      async (node) => {
        const next = await node.start();
        await next.publish(withoutCertificate(node));
        assert.equal(readFileSync(join(node.target, 'generation'), 'utf8'), '0\n');
        assert.equal(next.volumes.get('csi-1')?.state, 'waiting');
        assert.deepEqual(next.errors, []);
        await next.stop();
      },
    );
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
        const serialBefore = assertWhole(node.target);
        const next = await node.start();
        assert.equal(assertWhole(node.target), serialBefore, 'a start changes nothing by itself');
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

describe('a driver that is killed while it has to do with a volume of another driver', () => {
  const leftSource = (node: TestNode) =>
    sourceOf(node.target, { 'dns-names': 'api.example', duration: '24h', 'key-algorithm': 'ECDSA' });
  const leave = async (node: TestNode): Promise<void> =>
    leaveVolume(node, node.target, await leftFiles(node, leftSource(node)));
  /** What the next process makes of it: the pod's files stay until they are renewed, and go with the volume. */
  const livesOn = async (node: TestNode, driver: TestDriver): Promise<void> => {
    const serial = serialIn(node.target);
    await driver.publish(leftSource(node));
    assert.equal(serialIn(node.target), serial);
    await node.pass(16 * hour);
    assert.notEqual(serialIn(node.target), serial);
    assert.deepEqual(driver.errors, []);
    assert.equal(node.api.requests.length, 1);
    await driver.unpublish(leftSource(node));
    await quiet();
    leavesNothing(node);
  };
  const leavesNothing = (node: TestNode): void => {
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.ok(!existsSync(node.target));
    assert.deepEqual(remainsInOtherTmpfs(node), []);
    assert.deepEqual(readdirSync(node.stateDirectory), []);
    assert.deepEqual(node.api.names, []);
  };

  it('at any step of the take-over: the pod keeps its files, and the next call or start ends it', async () => {
    const steps = await atEachStep(
      leave,
      (node, driver) => driver.publish(leftSource(node)),
      async (node) => {
        const serial = serialIn(node.target);
        const next = await node.start();
        assert.equal(serialIn(node.target), serial);
        assert.equal(node.api.created.length, 0);
        await livesOn(node, next);
      },
      'cert-manager',
    );
    assert.ok(steps >= 5, `${steps} steps were tried`);
  });

  it('at any step of a renewal: the pod has a whole set, and the renewal ends with the request under way', async () => {
    await atEachStep(
      async (node, driver) => {
        await leave(node);
        await driver.publish(leftSource(node));
      },
      (node) => node.pass(16 * hour),
      async (node) => {
        serialIn(node.target);
        const next = await node.start();
        await node.pass(minute);
        assert.equal(node.api.created.length, 1, 'renewed once, not twice');
        await livesOn(node, next);
      },
      'cert-manager',
    );
  });

  it('at any step of an unpublish: the next call ends it, no certificate is asked for, and no key stays', async () => {
    await atEachStep(
      async (node, driver) => {
        await leave(node);
        await driver.publish(leftSource(node));
      },
      (node, driver) => driver.unpublish(leftSource(node)),
      async (node) => {
        const next = await node.start();
        await node.pass(minute);
        assert.equal(node.api.created.length, 0);
        await next.unpublish(leftSource(node));
        await quiet();
        leavesNothing(node);
      },
      'cert-manager',
    );
  });
});
