import assert from 'node:assert/strict';
import type * as nodeFs from 'node:fs';
import { describe, it } from 'node:test';
import type { Volume } from '../../../../src/driver/volume/volume.ts';
import { volumeHealth, volumeStats } from '../../../../src/driver/volume/volume-stats.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { failure, hour, minute, specOf } from '../support/builders.ts';

const clock = new FakeClock();
const now = clock.now();
const spec = specOf();
const live = (changes: object = {}): Volume => ({
  state: 'live',
  spec,
  request: 'r',
  generation: { serialNumber: '01', notBefore: now - hour, notAfter: now + hour, trust: undefined },
  renewAt: now + minute,
  failedRenewals: 0,
  ...changes,
});
const statfsSync = (() => ({
  bsize: 4096,
  blocks: 256,
  bfree: 250,
  bavail: 249,
  files: 100,
  ffree: 90,
})) as unknown as typeof nodeFs.statfsSync;
const dependencies = { clock, fs: { statfsSync }, mounts: { isMounted: () => true } };

describe('the statistics of a volume', () => {
  it('are those of its file system', () => {
    assert.deepEqual(volumeStats(live(), '/target', dependencies).usage, {
      bytes: { available: 249 * 4096, total: 256 * 4096, used: 6 * 4096 },
      inodes: { available: 90, total: 100, used: 10 },
    });
  });

  it('are not those of another path, of an unknown volume, or of one that is not mounted', () => {
    assert.throws(() => volumeStats(live(), '/other', dependencies), failure('not-found', '"/other"'));
    assert.throws(() => volumeStats(undefined, '/target', dependencies), failure('not-found'));
    const unmounted = { ...dependencies, mounts: { isMounted: () => false } };
    assert.throws(() => volumeStats(live(), '/target', unmounted), failure('not-found'));
  });
});

describe('the health of a volume', () => {
  const cases: [string, Volume, boolean, RegExp][] = [
    ['with a certificate that is not due', live(), false, /valid until 2026-01-01T01:00:00/],
    ['a few minutes late', live({ renewAt: now - 5 * minute }), false, /valid until/],
    ['late', live({ renewAt: now - 5 * minute - 1 }), true, /due for renewal at .* expires at 2026-01-01T01/],
    [
      'expired',
      live({ generation: { serialNumber: '01', notBefore: 0, notAfter: now } }),
      true,
      /expired at 2026-01-01T00/,
    ],
    [
      'without a certificate',
      { state: 'requested', spec, request: 'r', key: undefined },
      true,
      /no certificate yet/,
    ],
  ];
  for (const [what, volume, abnormal, message] of cases) {
    it(`${what}: ${abnormal ? 'abnormal' : 'fine'}`, () => {
      const health = volumeHealth(volume, now);
      assert.equal(health.abnormal, abnormal);
      assert.match(health.message, message);
    });
  }
});
