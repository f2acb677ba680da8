import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import {
  type DriverEffects,
  faultPoints,
  withFaultPoints,
} from '../../../../src/driver/volume/fault-points.ts';

let reached: string[];
let effects: DriverEffects;

beforeEach(() => {
  reached = [];
  const world = {
    files: { unlinkSync: () => reached.push('unlinked'), lstatSync: () => 'found' },
    requests: {
      create: async () => reached.push('created'),
      delete: () => Promise.reject(new Error('refused')),
    },
  };
  effects = withFaultPoints(world as unknown as DriverEffects, (point) => reached.push(point));
});

describe('fault points', () => {
  it('lie before and after what changes the world', () => {
    effects.files.unlinkSync('x');
    assert.deepEqual(reached, ['files.unlinkSync.before', 'unlinked', 'files.unlinkSync.after']);
  });

  it('lie after the answer where that takes its time', async () => {
    const created = effects.requests.create({} as never);
    assert.deepEqual(reached, ['requests.create.before', 'created']);
    await created;
    assert.equal(reached.at(-1), 'requests.create.after');
  });

  it('leave a failure as it is: nothing has changed', async () => {
    await assert.rejects(effects.requests.delete({ name: 'x' }), /refused/);
    assert.deepEqual(reached, ['requests.delete.before']);
  });

  it('do not lie at what only looks', () => {
    assert.ok(effects.files.lstatSync('x'));
    assert.deepEqual(reached, []);
    assert.ok(!faultPoints.some((point) => point.startsWith('files.lstatSync')));
  });
});
