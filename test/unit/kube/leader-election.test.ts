import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { LeaderElector } from '../../../src/kube/index.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeLeases } from './fakes/fake-leases.ts';

/** One process that takes part. */
class Candidate {
  /** As 'begin' and 'stop'. */
  readonly log: string[] = [];
  readonly errors: unknown[] = [];
  readonly holders: string[] = [];
  readonly stop = new AbortController();
  readonly elector: LeaderElector;
  readonly running: Promise<void>;
  work: AbortSignal | undefined;
  /** Ends the work by itself. */
  end: (error?: Error) => void = () => {};
  /** The work goes on after its signal, for this long. */
  lingerMs = 0;

  constructor(identity: string, leases: FakeLeases, clock: FakeClock) {
    this.elector = new LeaderElector(
      { namespace: 'system', name: 'leader', identity },
      {
        client: leases,
        clock,
        random: () => 0,
        onChange: ({ holder }) => this.holders.push(holder),
        onError: (error) => this.errors.push(error),
      },
    );
    this.running = this.elector.run(this.stop.signal, async (signal) => {
      this.work = signal;
      this.log.push('begin');
      await new Promise<void>((resolve, reject) => {
        this.end = (error) => (error === undefined ? resolve() : reject(error));
        const onAbort = (): void => void clock.setTimer(() => resolve(), this.lingerMs);
        signal.addEventListener('abort', onAbort, { once: true });
      });
      this.log.push('stop');
    });
    this.running.catch(() => {});
  }

  get leads(): boolean {
    return this.work?.aborted === false;
  }
}

interface World {
  readonly clock: FakeClock;
  readonly leases: FakeLeases;
  join(identity: string): Candidate;
}

function world(): World {
  const clock = new FakeClock();
  const leases = new FakeLeases();
  return { clock, leases, join: (identity) => new Candidate(identity, leases, clock) };
}

describe('who leads', () => {
  it('is known for as long as the lease lasts that was heard of', async () => {
    const { clock, leases, join } = world();
    const { elector } = join('a');
    assert.equal(elector.holder, undefined);
    leases.take('other', 3600);
    await clock.advance(10_000);
    assert.equal(elector.holder, 'other');
    leases.away = true;
    await clock.advance(12_000);
    assert.equal(elector.holder, 'other');
    await clock.advance(3_000);
    assert.equal(elector.holder, undefined);
    leases.away = false;
    await clock.advance(3_000);
    assert.equal(elector.holder, 'other');
    clock.setWall(clock.now() - 3_600_000);
    assert.equal(elector.holder, undefined, 'nobody knows for how long');
  });

  it('is nobody when the lease was lost', async () => {
    const { clock, leases, join } = world();
    const { elector } = join('a');
    await clock.advance(1_000);
    assert.equal(elector.holder, 'a');
    leases.away = true;
    await clock.advance(11_000);
    assert.equal(elector.holder, '');
    await clock.advance(5_000);
    assert.equal(elector.holder, undefined);
  });
});

describe('becoming the leader', () => {
  it('takes one call where there was no lease, and one process only', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    const b = join('b');
    await clock.advance(10_000);
    assert.equal(a.leads, true);
    assert.equal(b.work, undefined);
    assert.equal(leases.lease?.spec?.holderIdentity, 'a');
    assert.equal(leases.lease.spec.leaseDurationSeconds, 15);
    assert.match(leases.lease.spec.renewTime ?? '', /^2026-01-01T00:00:10\.000000Z$/);
    assert.match(leases.lease.spec.acquireTime ?? '', /^2026-01-01T00:00:00\.000000Z$/);
    assert.deepEqual([a.holders, b.holders], [['a'], ['a']]);
    assert.equal(a.elector.leading, true);
    assert.equal(b.elector.leading, false);
  });

  it('takes over only what was seen unchanged for as long as it lasts', async () => {
    const { clock, leases, join } = world();
    leases.take('gone', 30);
    const a = join('a');
    await clock.advance(29_999);
    assert.equal(a.work, undefined);
    await clock.advance(2_001);
    assert.equal(a.leads, true);
    assert.equal(leases.lease?.spec?.leaseTransitions, 1);
  });

  it('does not take over earlier because the clock was set forward', async () => {
    const { clock, leases, join } = world();
    leases.take('other');
    const a = join('a');
    await clock.advance(3_000);
    clock.setWall(clock.now() + 86_400_000);
    await clock.advance(11_000);
    assert.equal(a.work, undefined);
  });

  it('waits on as long as the other renews', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    for (let round = 0; round < 20; round += 1) {
      leases.take('other');
      await clock.advance(5_000);
    }
    assert.equal(a.work, undefined);
  });

  it('takes a released lease without waiting for it to run out', async () => {
    const { clock, leases, join } = world();
    leases.take('other');
    const a = join('a');
    await clock.advance(2_000);
    leases.take('', 1);
    await clock.advance(2_000);
    assert.equal(a.leads, true);
  });

  it('goes on with its own lease after a restart in place', async () => {
    const { leases, join } = world();
    leases.take('a');
    const a = join('a');
    await settle();
    assert.equal(a.leads, true);
  });

  it('is tried again when the server is away', async () => {
    const { clock, leases, join } = world();
    leases.away = true;
    const a = join('a');
    await clock.advance(10_000);
    assert.ok(a.errors.length >= 4);
    leases.away = false;
    await clock.advance(2_000);
    assert.equal(a.leads, true);
  });
});

describe('a leader that cannot renew', () => {
  it('stops its work at the deadline, five seconds before another may begin', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    const b = join('b');
    await clock.advance(5_000);
    leases.away = true;
    await clock.advance(8_999);
    assert.equal(a.leads, true);
    await clock.advance(1);
    assert.deepEqual(a.log, ['begin', 'stop']);
    assert.equal(a.elector.leading, false);
    leases.away = false;
    leases.take('b');
    assert.equal(b.work, undefined);
  });

  it('never works at the same time as the one who takes over', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    const b = join('b');
    await clock.advance(1_000);
    // Only a is cut off: its writes do not arrive.
    const replace = leases.replace.bind(leases);
    leases.replace = (lease) =>
      lease.spec?.holderIdentity === 'a' ? Promise.reject(new Error('cut off')) : replace(lease);
    let both = 0;
    for (let ms = 0; ms < 40_000; ms += 100) {
      await clock.advance(100);
      both += a.leads && b.leads ? 1 : 0;
    }
    assert.equal(both, 0);
    assert.deepEqual(a.log, ['begin', 'stop']);
    assert.equal(b.leads, true);
  });

  it('counts from before the renewal that succeeded last', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.hangs = true;
    await clock.advance(8_999);
    assert.equal(a.leads, true);
    await clock.advance(1);
    assert.equal(a.leads, false);
  });

  it('leads again when the server is back', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.away = true;
    await clock.advance(20_000);
    leases.away = false;
    await clock.advance(4_000);
    assert.deepEqual(a.log, ['begin', 'stop', 'begin']);
    assert.deepEqual(a.holders, ['a', '', 'a']);
  });

  it('stops when the clock shows that it was suspended', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.away = true;
    clock.setWall(clock.now() + 60_000);
    await clock.advance(2_000);
    assert.equal(a.leads, false);
  });

  it('stops in time though the clock was set back', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.away = true;
    clock.setWall(clock.now() - 3_600_000);
    await clock.advance(10_000);
    assert.equal(a.leads, false);
  });
});

describe('a renewal', () => {
  it('keeps the lease for as long as it goes on', async () => {
    const { clock, join } = world();
    const a = join('a');
    const b = join('b');
    await clock.advance(3_600_000);
    assert.deepEqual(a.log, ['begin']);
    assert.equal(b.work, undefined);
    assert.deepEqual(a.errors, []);
    assert.ok(clock.pending <= 4);
  });

  it('whose answer was lost is not taken for the end', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.losesAnswers = true;
    await clock.advance(2_000);
    leases.losesAnswers = false;
    await clock.advance(30_000);
    assert.deepEqual(a.log, ['begin']);
  });

  it('that finds another holder stops the work at once', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.take('usurper');
    await clock.advance(2_000);
    assert.deepEqual(a.log, ['begin', 'stop']);
    assert.equal(leases.lease?.spec?.holderIdentity, 'usurper');
  });

  it('that finds no lease stops the work and begins anew', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.lease = undefined;
    await clock.advance(2_000);
    assert.deepEqual(a.log, ['begin', 'stop', 'begin']);
  });
});

describe('the end of an elector', () => {
  it('releases the lease once the work has ended, renewing it as long as that takes', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    const b = join('b');
    await clock.advance(1_000);
    a.lingerMs = 24_500;
    a.stop.abort();
    assert.equal(a.leads, false);
    await clock.advance(24_499);
    assert.equal(leases.lease?.spec?.holderIdentity, 'a');
    assert.equal(b.work, undefined);
    await clock.advance(1);
    await a.running;
    assert.equal(leases.lease.spec.holderIdentity, '');
    await clock.advance(2_000);
    assert.equal(b.leads, true);
    assert.equal(getEventListeners(a.stop.signal, 'abort').length, 0);
  });

  it('comes at once for one who waits, and leaves nothing', async () => {
    const { clock, leases, join } = world();
    leases.take('other');
    const a = join('a');
    await clock.advance(3_000);
    a.stop.abort();
    await a.running;
    assert.equal(clock.pending, 0);
    assert.equal(leases.lease?.spec?.holderIdentity, 'other');
  });

  it('comes with the end of the work, and has its outcome', async () => {
    for (const error of [undefined, new Error('broken')]) {
      const { clock, leases, join } = world();
      const a = join('a');
      await settle();
      a.end(error);
      if (error === undefined) {
        await a.running;
      } else {
        await assert.rejects(a.running, error);
      }
      assert.equal(leases.lease?.spec?.holderIdentity, '');
      assert.equal(clock.pending, 0);
    }
  });

  it('does not touch the lease of the next one', async () => {
    const { clock, leases, join } = world();
    const a = join('a');
    await clock.advance(1_000);
    leases.take('next');
    a.stop.abort();
    await clock.advance(0);
    await a.running;
    assert.equal(leases.lease?.spec?.holderIdentity, 'next');
  });
});

describe('the times of an elector', () => {
  it('must leave room for each other', () => {
    const options = { namespace: 'system', name: 'leader', identity: 'a' };
    const deps = { client: new FakeLeases(), clock: new FakeClock(), random: () => 0 };
    assert.throws(() => new LeaderElector({ ...options, renewDeadlineMs: 15_000 }, deps), RangeError);
    assert.throws(() => new LeaderElector({ ...options, retryPeriodMs: 10_000 }, deps), RangeError);
  });
});
