import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionCount } from '../../../../src/driver/workload-api/connection-count.ts';

describe('counting connections', () => {
  it('lets in what one volume may have, and no more', () => {
    const count = new ConnectionCount({ connections: 3, connectionsInAll: 10 });
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((ofVolume) => count.enter(ofVolume)),
      [true, true, true, false, false],
    );
  });

  it('lets in the first two of each volume when there are as many as there may be', () => {
    const count = new ConnectionCount({ connections: 8, connectionsInAll: 3 });
    assert.deepEqual(
      [0, 1, 2, 3].map((ofVolume) => count.enter(ofVolume)),
      [true, true, true, false],
    );
    assert.deepEqual(
      [0, 1, 2].map((ofVolume) => count.enter(ofVolume)),
      [true, true, false],
    );
  });

  it('has a place again when one leaves', () => {
    const count = new ConnectionCount({ connections: 8, connectionsInAll: 3 });
    for (const ofVolume of [0, 1, 2]) assert.ok(count.enter(ofVolume));
    count.leave();
    assert.ok(count.enter(2));
    assert.ok(!count.enter(3));
  });
});
