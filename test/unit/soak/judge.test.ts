import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge } from '../../soak/support/judge.ts';
import type { Sample } from '../../soak/support/sample.ts';
import { drawSoak } from '../../soak/graph/draw-soak.ts';

const options = { volumes: 110, warmUpSeconds: 20 };

function sample(at: number, changes: Partial<Sample> = {}): Sample {
  return {
    at,
    driverLife: at < 60 ? 0 : 1,
    apiRunning: true,
    volumes: 110,
    mounts: 111,
    records: 111,
    requests: 120,
    driver: process_(60),
    controller: process_(80),
    heapMb: 12,
    timers: 5,
    leastRemainingSeconds: 30,
    problems: [],
    ...changes,
  };
}

function process_(residentMb: number, descriptors = 35): NonNullable<Sample['driver']> {
  return { residentMb, descriptors, cpuSeconds: 1 };
}

/** A run of three minutes; the driver is restarted once. */
function run(change: (at: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 90 }, (_, index) => sample(index * 2, change(index * 2)));
}

describe('the judge of a soak', () => {
  it('has nothing to say of a run that is even', () => {
    assert.deepEqual(judge(run(), options), []);
  });

  it('does not take the growth of a young process, or noise, for a leak', () => {
    const noisy = run((at) => ({
      driver: process_(at < 70 ? 40 + at / 2 : 70 + (at % 3)),
      heapMb: 10 + (at % 5),
      timers: 3 + (at % 4),
    }));
    assert.deepEqual(judge(noisy, options), []);
  });

  const leaks: Record<string, (at: number) => Partial<Sample>> = {
    residentMb: (at) => ({ driver: process_(60 + at / 5) }),
    heapMb: (at) => ({ heapMb: 10 + at / 10 + (at % 5) }),
    descriptors: (at) => ({ driver: process_(60, 30 + Math.floor(at / 5) + (at % 3)) }),
    timers: (at) => ({ timers: at }),
  };
  for (const [name, leak] of Object.entries(leaks))
    it(`sees ${name} grow`, () => {
      const problems = judge(run(leak), options);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', new RegExp(`^${name} grew`));
    });

  it('sees mounts, records and requests that are left behind, and too much memory', () => {
    for (const change of [{ mounts: 200 }, { records: 200 }, { requests: 400 }, { driver: process_(120) }]) {
      const problems = judge(
        run((at) => (at === 30 ? change : {})),
        options,
      );
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', /^at 30 s: /);
    }
  });

  it('passes on what was wrong with a volume', () => {
    const problems = judge(
      run((at) => (at === 4 ? { problems: ['soak-7: expired 2 s ago'] } : {})),
      options,
    );
    assert.deepEqual(problems, ['at 4 s: soak-7: expired 2 s ago']);
  });

  it('judges no run in which the driver was not left alone', () => {
    assert.match(
      judge(
        run((at) => ({ driverLife: at })),
        options,
      )[0] ?? '',
      /too few samples/,
    );
  });

  it('has its graph, with restarts and outages', () => {
    const svg = drawSoak(
      'a < b',
      run((at) => (at > 100 && at < 110 ? { apiRunning: false, driver: undefined } : {})),
    );
    assert.match(svg, /^<svg [^>]+>/);
    assert.match(svg, /a &lt; b/);
    assert.equal(svg.match(/stroke-dasharray/g)?.length, 4, 'one restart in each of four panels');
    assert.equal(svg.match(/opacity="0.35"/g)?.length, 4, 'one outage in each of four panels');
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  });
});
