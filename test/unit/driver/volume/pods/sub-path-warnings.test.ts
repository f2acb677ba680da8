import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../../../../src/api/core.ts';
import { SubPathWarnings, subPathMounts } from '../../../../../src/driver/volume/pods/sub-path-warnings.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { driverName, minute, pod } from '../../support/builders.ts';
import { FakePods, podObject } from '../../support/fake-pods.ts';

const mounts = (subPath: string | undefined, volume = 'identity'): Pod => ({
  ...podObject(),
  spec: {
    volumes: [
      { name: 'identity', csi: { driver: driverName } },
      { name: 'other', csi: { driver: 'other.example.com' } },
    ],
    containers: [
      {
        name: 'app',
        volumeMounts: [{ name: volume, mountPath: '/x', ...(subPath === undefined ? {} : { subPath }) }],
      },
    ],
  },
});

function start(): {
  readonly api: FakePods;
  readonly clock: FakeClock;
  readonly told: string[];
  readonly warnings: SubPathWarnings;
} {
  const api = new FakePods();
  const clock = new FakeClock();
  const told: string[] = [];
  const warnings = new SubPathWarnings(
    { driverName },
    {
      pods: api,
      clock,
      random: () => 1,
      log: silentLogger,
      events: { warn: (_pod, reason, note) => told.push(`${reason}: ${note}`) },
    },
  );
  return { api, clock, told, warnings };
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 5; turn++) await settle();
}

describe('a container that mounts one of our volumes by subPath', () => {
  it('is warned of once, within a minute of the publish and not during it', async () => {
    const { api, clock, told, warnings } = start();
    api.set(mounts('tls.crt'));
    warnings.lookLater(pod);
    warnings.lookLater(pod);
    await pass(clock, 9_000);
    assert.deepEqual(told, []);
    await pass(clock, minute);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^SubPathNeverUpdates: container app mounts volume identity: /);
  });

  it('is not warned of when it mounts the whole volume, or the volume of another driver', async () => {
    for (const object of [mounts(undefined), mounts('tls.crt', 'other')]) {
      const { api, clock, told, warnings } = start();
      api.set(object);
      warnings.lookLater(pod);
      await pass(clock, minute);
      assert.deepEqual(told, []);
    }
  });

  it('is not looked for when the pod has gone, or another one has its name', async () => {
    const { api, clock, told, warnings } = start();
    warnings.lookLater(pod);
    await pass(clock, minute);
    api.set({ ...mounts('tls.crt'), metadata: { ...podObject().metadata, uid: 'another' } });
    warnings.lookLater(pod);
    await pass(clock, minute);
    api.set(mounts('tls.crt'));
    warnings.lookLater(pod);
    warnings.forget(pod);
    await pass(clock, minute);
    warnings.stop();
    warnings.lookLater(pod);
    await pass(clock, minute);
    assert.deepEqual(told, []);
  });

  it('is found among init and ephemeral containers, and by subPathExpr', () => {
    const { containers: _containers, ...rest } = mounts(undefined).spec;
    const volumeMounts = [{ name: 'identity', mountPath: '/x', subPathExpr: '$(POD_NAME)' }];
    const found = subPathMounts(
      {
        ...podObject(),
        spec: {
          ...rest,
          initContainers: [{ name: 'init', volumeMounts }],
          ephemeralContainers: [{ name: 'debug', volumeMounts }],
        },
      },
      driverName,
    );
    assert.deepEqual(found, [
      'container init mounts volume identity',
      'container debug mounts volume identity',
    ]);
  });
});
