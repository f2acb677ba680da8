import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RenewalScheduler } from '../../../../../src/driver/volume/renewal/renewal-scheduler.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { gate, hour, minute, second } from '../../support/builders.ts';

function setUp(options: { concurrency?: number; renew?: (volumeId: string) => Promise<void> } = {}) {
  const clock = new FakeClock();
  const started: string[] = [];
  const scheduler = new RenewalScheduler(
    { concurrency: options.concurrency ?? 10 },
    {
      clock,
      renew: async (volumeId) => {
        started.push(volumeId);
        await options.renew?.(volumeId);
      },
    },
  );
  const after = (volumeId: string, ms: number): void => scheduler.schedule(volumeId, clock.now() + ms);
  return { clock, started, scheduler, after };
}

describe('the renewal scheduler', () => {
  it('renews each volume at its time, earliest first', async () => {
    const { clock, started, after } = setUp();
    after('late', 3 * hour);
    after('early', hour);
    after('middle', 2 * hour);
    await clock.advance(hour - 1);
    assert.deepEqual(started, []);
    await clock.advance(1);
    assert.deepEqual(started, ['early']);
    await clock.advance(2 * hour);
    assert.deepEqual(started, ['early', 'middle', 'late']);
  });

  it('has one timer, however many volumes, and none without volumes', async () => {
    const { clock, scheduler, after } = setUp();
    for (let number = 0; number < 500; number++) after(`v${number}`, hour + number);
    assert.equal(clock.pending, 1);
    for (let number = 0; number < 500; number++) scheduler.forget(`v${number}`);
    await clock.advance(minute);
    assert.equal(clock.pending, 0);
    assert.equal(scheduler.size, 0);
  });

  it('renews what is overdue at once', async () => {
    const { clock, started, after } = setUp();
    after('v', -hour);
    await clock.advance(0);
    assert.deepEqual(started, ['v']);
  });

  it('takes the last time given, earlier or later', async () => {
    const { clock, started, after } = setUp();
    after('v', hour);
    after('v', 2 * hour);
    after('w', 2 * hour);
    after('w', hour);
    await clock.advance(hour);
    assert.deepEqual(started, ['w']);
    await clock.advance(hour);
    assert.deepEqual(started, ['w', 'v']);
    await clock.advance(5 * hour);
    assert.deepEqual(started, ['w', 'v']);
  });

  it('does not renew what was forgotten', async () => {
    const { clock, started, scheduler, after } = setUp();
    after('v', hour);
    after('w', hour);
    scheduler.forget('v');
    scheduler.forget('never heard of');
    await clock.advance(hour);
    assert.deepEqual(started, ['w']);
  });

  it('runs so many at once and no more; the next starts when one ends', async () => {
    const held = new Map<string, ReturnType<typeof gate>>();
    let running = 0;
    let most = 0;
    const { clock, started, after } = setUp({
      concurrency: 2,
      renew: async (volumeId) => {
        most = Math.max(most, ++running);
        const own = gate();
        held.set(volumeId, own);
        await own.opened;
        running -= 1;
      },
    });
    for (const volumeId of ['a', 'b', 'c', 'd']) after(volumeId, second);
    await clock.advance(minute);
    assert.deepEqual(started.length, 2);
    for (const _ of ['a', 'b', 'c', 'd']) {
      const [[volumeId, own] = assert.fail()] = held;
      held.delete(volumeId);
      own.open();
      await clock.advance(1);
    }
    assert.deepEqual(started.toSorted(), ['a', 'b', 'c', 'd']);
    assert.equal(most, 2);
  });

  it('takes a new time for a volume from within its renewal', async () => {
    const { clock, started, scheduler, after } = setUp({
      renew: async (volumeId) => scheduler.schedule(volumeId, clock.now() + hour),
    });
    after('v', hour);
    await clock.advance(5 * hour);
    assert.equal(started.length, 5);
    assert.equal(scheduler.size, 1);
  });

  it('notices within half a minute that the wall clock has jumped forward, as after a suspend', async () => {
    const { clock, started, after } = setUp();
    after('v', 10 * hour);
    await clock.advance(hour);
    clock.setWall(clock.now() + 10 * hour);
    assert.deepEqual(started, []);
    await clock.advance(30 * second);
    assert.deepEqual(started, ['v']);
  });

  it('waits longer when the wall clock was set back', async () => {
    const { clock, started, after } = setUp();
    after('v', hour);
    clock.setWall(clock.now() - 5 * hour);
    await clock.advance(5 * hour);
    assert.deepEqual(started, []);
    await clock.advance(hour);
    assert.deepEqual(started, ['v']);
  });

  it('keeps nothing of volumes that come and go, though their times are far away', async () => {
    const { clock, scheduler, after } = setUp();
    after('stays', minute);
    for (let number = 0; number < 20_000; number++) {
      after(`v${number}`, 24 * hour);
      scheduler.forget(`v${number}`);
      after('stays', 23 * hour + number);
    }
    assert.equal(scheduler.size, 1);
    assert.equal(clock.pending, 1);
  });

  it('stops: starts nothing more and waits for what is under way', async () => {
    const held = gate();
    const { clock, started, scheduler, after } = setUp({ renew: () => held.opened });
    after('v', second);
    after('w', 2 * second);
    await clock.advance(second);
    let stopped = false;
    const stopping = scheduler.stop().then(() => {
      stopped = true;
    });
    await clock.advance(minute);
    assert.equal(stopped, false);
    held.open();
    await stopping;
    await settle();
    after('x', 0);
    await clock.advance(minute);
    assert.deepEqual(started, ['v']);
    assert.equal(clock.pending, 0);
  });
});
