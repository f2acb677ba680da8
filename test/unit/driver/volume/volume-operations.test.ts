import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import { VolumeOperations } from '../../../../src/driver/volume/volume-operations.ts';
import { settle } from '../../../support/fake-clock.ts';
import { failure, gate } from '../support/builders.ts';

const unaborted = (): AbortSignal => new AbortController().signal;
const cancelled = new VolumeError('cancelled', 'the caller went away');

/** Work that goes on until its signal aborts. */
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('operations on one volume', () => {
  it('of the same kind are one: all get its outcome', async () => {
    const operations = new VolumeOperations();
    const held = gate();
    let runs = 0;
    const work = (): Promise<void> => {
      runs += 1;
      return held.opened;
    };
    const calls = [1, 2, 3].map(() => operations.run('v', 'publish', '/t', unaborted(), work));
    await settle();
    assert.equal(runs, 1);
    held.fail(new VolumeError('denied', 'no'));
    for (const outcome of await Promise.allSettled(calls)) {
      assert.ok(outcome.status === 'rejected' && (outcome.reason as VolumeError).reason === 'denied');
    }
    assert.equal(operations.size, 0);
    await operations.run('v', 'publish', '/t', unaborted(), async () => {});
  });

  it('of the same kind with other arguments are busy', async () => {
    const operations = new VolumeOperations();
    const held = gate();
    const first = operations.run('v', 'publish', '/t', unaborted(), () => held.opened);
    await assert.rejects(
      operations.run('v', 'publish', '/u', unaborted(), async () => {}),
      failure('busy', 'volume v is busy: publish is under way'),
    );
    held.open();
    await first;
  });

  for (const [running, next] of [
    ['publish', 'renew'],
    ['renew', 'publish'],
    ['unpublish', 'publish'],
    ['unpublish', 'renew'],
  ] as const) {
    it(`${next} does not wait for ${running}`, async () => {
      const operations = new VolumeOperations();
      const held = gate();
      const first = operations.run('v', running, '/t', unaborted(), () => held.opened);
      assert.ok(operations.isRunning('v', running));
      assert.ok(!operations.isRunning('v', next));
      await assert.rejects(
        operations.run('v', next, '/t', unaborted(), async () => {}),
        failure('busy', running),
      );
      held.open();
      await first;
      assert.ok(!operations.isRunning('v', running));
    });
  }

  for (const running of ['publish', 'renew'] as const) {
    it(`unpublish ends ${running}, and begins when it has come to rest`, async () => {
      const operations = new VolumeOperations();
      const order: string[] = [];
      const held = gate();
      const first = operations.run('v', running, '/t', unaborted(), async (signal) => {
        await untilAborted(signal).catch(() => {});
        order.push('told to end');
        await held.opened;
        order.push('at rest');
      });
      const unpublish = operations.run('v', 'unpublish', '/t', unaborted(), async () => {
        order.push('unpublish');
      });
      await settle();
      assert.deepEqual(order, ['told to end']);
      held.open();
      await Promise.all([first, unpublish]);
      assert.deepEqual(order, ['told to end', 'at rest', 'unpublish']);
    });
  }

  it('two unpublishes that wait for a publish are one', async () => {
    const operations = new VolumeOperations();
    const first = operations.run('v', 'publish', '/t', unaborted(), untilAborted);
    let runs = 0;
    const held = gate();
    const work = (): Promise<void> => {
      runs += 1;
      return held.opened;
    };
    const unpublishes = [1, 2, 3].map(() => operations.run('v', 'unpublish', '/t', unaborted(), work));
    await assert.rejects(first, failure('cancelled', 'being unpublished'));
    await settle();
    assert.equal(runs, 1);
    held.open();
    await Promise.all(unpublishes);
    assert.equal(operations.size, 0);
  });

  it('a caller that joined and goes away leaves the operation alone', async () => {
    const operations = new VolumeOperations();
    const held = gate();
    const first = operations.run('v', 'publish', '/t', unaborted(), () => held.opened);
    const caller = new AbortController();
    const second = operations.run('v', 'publish', '/t', caller.signal, async () => {});
    caller.abort(cancelled);
    await assert.rejects(second, failure('busy', 'has not ended in time'));
    held.open();
    await first;
  });

  it('the caller that started it ends it, also one that is gone before it began', async () => {
    const operations = new VolumeOperations();
    const caller = new AbortController();
    const call = operations.run('v', 'publish', '/t', caller.signal, untilAborted);
    caller.abort(cancelled);
    await assert.rejects(call, failure('cancelled'));
    let seen: unknown;
    await operations.run('v', 'publish', '/t', caller.signal, async (signal) => {
      seen = signal.reason;
    });
    assert.equal(seen, cancelled);
  });

  it('an unpublish whose caller is out of time while it waits is busy', async () => {
    const operations = new VolumeOperations();
    const held = gate();
    const first = operations.run('v', 'publish', '/t', unaborted(), () => held.opened);
    const caller = new AbortController();
    const unpublish = operations.run('v', 'unpublish', '/t', caller.signal, async () => {});
    caller.abort(cancelled);
    await assert.rejects(unpublish, failure('busy'));
    held.open();
    await first;
  });

  it('leave no listener on a signal that lives on', async () => {
    const operations = new VolumeOperations();
    const caller = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    caller.signal.addEventListener = function (...args: Parameters<typeof addEventListener>) {
      listeners += 1;
      addEventListener.apply(this, args);
    };
    caller.signal.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
      listeners -= 1;
      removeEventListener.apply(this, args);
    };
    const held = gate();
    const first = operations.run('v', 'publish', '/t', caller.signal, () => held.opened);
    const joined = operations.run('v', 'publish', '/t', caller.signal, async () => {});
    held.open();
    await Promise.all([first, joined]);
    await settle();
    assert.equal(listeners, 0);
  });
});

describe('operations on several volumes', () => {
  it('run side by side, and all end together', async () => {
    const operations = new VolumeOperations();
    const calls = ['a', 'b', 'c'].map((volumeId) =>
      operations.run(volumeId, 'publish', '/t', unaborted(), untilAborted).catch((error: unknown) => error),
    );
    assert.equal(operations.size, 3);
    await operations.abortAll(new VolumeError('shutting-down', 'bye'));
    for (const error of await Promise.all(calls))
      assert.equal((error as VolumeError).reason, 'shutting-down');
    await operations.settled();
    assert.equal(operations.size, 0);
  });
});
