import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import type { Logger } from '../../../src/runtime/log.ts';
import { silentLogger } from '../../../src/runtime/log.ts';
import { runUntilSignal, ShutdownError } from '../../../src/runtime/shutdown.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

function setUp(log: Logger = silentLogger) {
  const clock = new FakeClock();
  const signals = new EventEmitter();
  return {
    clock,
    signals,
    run: (program: (signal: AbortSignal) => Promise<void>) =>
      runUntilSignal(program, {}, { clock, log, signals }),
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

describe('runUntilSignal', () => {
  it('ends with 0 when the program does', async () => {
    const { run, signals, clock } = setUp();
    assert.equal(await run(() => Promise.resolve()), 0);
    assert.equal(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT'), 0);
    assert.equal(clock.pending, 0);
  });

  for (const signal of ['SIGTERM', 'SIGINT']) {
    it(`aborts the program at ${signal} and ends with 0 when it has ended`, async () => {
      const { run, signals } = setUp();
      const code = run(untilAborted);
      signals.emit(signal, signal);
      assert.equal(await code, 0);
    });
  }

  it('gives work in hand ten seconds', async () => {
    const { run, signals, clock } = setUp();
    const work = Promise.withResolvers<void>();
    let ended = false;
    const code = run(() => work.promise).finally(() => (ended = true));
    signals.emit('SIGTERM', 'SIGTERM');
    await clock.advance(9_999);
    assert.equal(ended, false);
    work.resolve();
    assert.equal(await code, 0);
    assert.equal(clock.pending, 0);
  });

  it('ends with 1 when work does not end in time', async () => {
    const { run, signals, clock } = setUp();
    const code = run(() => new Promise(() => {}));
    signals.emit('SIGTERM', 'SIGTERM');
    await clock.advance(10_000);
    assert.equal(await code, 1);
    assert.equal(signals.listenerCount('SIGTERM'), 0);
  });

  it('ends at once at a second signal', async () => {
    const { run, signals } = setUp();
    const code = run(() => new Promise(() => {}));
    signals.emit('SIGINT', 'SIGINT');
    await settle();
    signals.emit('SIGINT', 'SIGINT');
    assert.equal(await code, 130);
  });

  it('ends with 1 and logs why when the program fails', async () => {
    const logged: unknown[] = [];
    const { run } = setUp({ ...silentLogger, error: (fields) => void logged.push(fields.error) });
    const error = new Error('no port');
    assert.equal(await run(() => Promise.reject(error)), 1);
    assert.deepEqual(logged, [error]);
  });

  it('ends with 1 when the program fails while it shuts down', async () => {
    const { run, signals } = setUp();
    const code = run((signal) => untilAborted(signal).catch(() => Promise.reject(new Error('not saved'))));
    signals.emit('SIGTERM', 'SIGTERM');
    assert.equal(await code, 1);
  });

  it('takes an error that only wraps the shutdown as an end in order', async () => {
    const { run, signals } = setUp();
    const code = run((signal) =>
      untilAborted(signal).catch((cause: unknown) => Promise.reject(new Error('watch ended', { cause }))),
    );
    signals.emit('SIGTERM', 'SIGTERM');
    assert.equal(await code, 0);
  });

  it('tells the program why it is aborted', async () => {
    const { run, signals } = setUp();
    let reason: unknown;
    const code = run(async (signal) => {
      await untilAborted(signal).catch((error: unknown) => (reason = error));
    });
    signals.emit('SIGTERM', 'SIGTERM');
    await code;
    assert.ok(reason instanceof ShutdownError && reason.message === 'ended by SIGTERM');
  });
});
