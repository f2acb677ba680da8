import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { driverMetrics } from '../../../src/driver/metrics.ts';
import { Metrics } from '../../../src/runtime/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { hour } from './support/builders.ts';

describe('the metrics of a node', () => {
  it('count volumes that are left as they are, and when they expire', async () => {
    const clock = new FakeClock();
    const metrics = new Metrics();
    const now = clock.now();
    driverMetrics({
      metrics,
      clock,
      volumes: () => [],
      unrenewed: () => [
        { volumeId: 'csi-1', notAfter: now - hour },
        { volumeId: 'csi-2', notAfter: now + hour },
        { volumeId: 'csi-3', notAfter: undefined },
      ],
      trust: () => ({ sets: 0, refused: 0, behind: 0 }),
    });
    const text = await metrics.text();
    assert.match(text, /^certmount_driver_unrenewed_volumes 3$/m);
    assert.match(text, /^certmount_driver_expired_volumes 1$/m);
    const earliest = /^certmount_driver_earliest_expiry_timestamp_seconds (\S+)$/m.exec(text)?.[1];
    assert.equal(Number(earliest), (now - hour) / 1000);
  });
});
