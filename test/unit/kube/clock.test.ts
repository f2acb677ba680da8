import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { sleep, systemClock } from '../../../src/kube/index.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

describe('sleep', () => {
  it('ends when its time has passed, and leaves no listener on the signal', async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    let awake = false;
    void sleep(clock, 1000, signal).then(() => (awake = true));
    await clock.advance(999);
    assert.equal(awake, false);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await clock.advance(1);
    assert.equal(awake, true);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('rejects with the reason of the signal and drops its timer', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 1000, controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(sleeping, reason);
    assert.equal(clock.pending, 0);
  });

  it('rejects at once when the signal had aborted before', async () => {
    const clock = new FakeClock();
    await assert.rejects(sleep(clock, 1000, AbortSignal.abort(new Error('enough'))), /enough/);
    assert.equal(clock.pending, 0);
  });
});

describe('the system clock', () => {
  it('holds timers longer than the 24.8 days of Node', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let fired = 0;
    const longestMs = 2 ** 31 - 1;
    systemClock.setTimer(() => (fired += 1), 2 * longestMs + 1000);
    t.mock.timers.tick(longestMs);
    t.mock.timers.tick(longestMs);
    t.mock.timers.tick(999);
    assert.equal(fired, 0);
    t.mock.timers.tick(1);
    assert.equal(fired, 1);
  });

  it('cancels a long timer after it was armed anew', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const timer = systemClock.setTimer(() => assert.fail('fired'), 60 * 86_400_000);
    t.mock.timers.tick(40 * 86_400_000);
    timer.cancel();
    t.mock.timers.tick(40 * 86_400_000);
  });
});

describe('the fake clock', () => {
  it('fires timers in their order, those set on the way included', async () => {
    const clock = new FakeClock(0);
    const fired: string[] = [];
    clock.setTimer(() => fired.push(`b@${clock.now()}`), 200);
    clock.setTimer(() => {
      fired.push(`a@${clock.now()}`);
      void Promise.resolve().then(() => clock.setTimer(() => fired.push(`a2@${clock.now()}`), 50));
    }, 100);
    await clock.advance(300);
    assert.deepEqual(fired, ['a@100', 'a2@150', 'b@200']);
    assert.equal(clock.now(), 300);
  });

  it('moves no timer when the wall clock is set', async () => {
    const clock = new FakeClock(0);
    let fired = false;
    clock.setTimer(() => (fired = true), 100);
    clock.setWall(1_000_000);
    await settle();
    assert.equal(fired, false);
    await clock.advance(100);
    assert.equal(fired, true);
    assert.equal(clock.now(), 1_000_100);
  });
});
