import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { unary } from '../../../../src/driver/csi/unary.ts';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { minute, second } from '../support/builders.ts';

function setUp(
  handle: (request: string, signal: AbortSignal) => Promise<string>,
  deadline: Date | number = Infinity,
) {
  const clock = new FakeClock();
  const observed: string[] = [];
  const answers: unknown[] = [];
  const handler = unary<string, string>(
    { method: 'M', quiet: false },
    { clock, log: silentLogger, observe: (method, code) => observed.push(`${method} ${code}`) },
    handle,
  );
  const call = Object.assign(new EventEmitter(), { request: 'request', getDeadline: () => deadline });
  const start = (): void =>
    handler(call as unknown as Parameters<handleUnaryCall<string, string>>[0], (error, response) =>
      answers.push(error ?? response),
    );
  return { clock, observed, answers, call, start };
}

const untilAborted = (_request: string, signal: AbortSignal): Promise<string> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('a unary call', () => {
  it('is answered with what the handler gives', async () => {
    const { answers, clock, observed, start } = setUp(async (request) => `answer to ${request}`);
    start();
    await settle();
    assert.deepEqual(answers, ['answer to request']);
    assert.deepEqual(observed, ['M OK']);
    assert.equal(clock.pending, 0);
  });

  it('is answered with the code of a failure, once', async () => {
    const { answers, call, observed, start } = setUp(async () => {
      throw new VolumeError('denied', 'no');
    });
    start();
    await settle();
    call.emit('cancelled', 'cancelled');
    await settle();
    assert.deepEqual(answers, [{ code: status.PERMISSION_DENIED, details: 'no' }]);
    assert.deepEqual(observed, ['M PERMISSION_DENIED']);
  });

  it('is answered though the handler breaks', async () => {
    const { answers, start } = setUp(() => {
      throw new TypeError('a bug');
    });
    start();
    await settle();
    assert.equal((answers[0] as { code: status }).code, status.INTERNAL);
  });

  for (const [remaining, after] of [
    [10 * second, 9 * second],
    [2 * minute, 29 * second],
    [second, 900],
    [0, 0],
    [-minute, 0],
    [10 * minute, 29 * second],
    [Infinity, 29 * second],
  ] as const) {
    it(`with ${remaining / 1_000} s left is told after ${after / 1_000} s to end`, async () => {
      const start = new FakeClock().now();
      const {
        answers,
        clock,
        start: begin,
      } = setUp(untilAborted, Number.isFinite(remaining) ? new Date(start + remaining) : Infinity);
      begin();
      await clock.advance(after - 1);
      if (after > 0) assert.deepEqual(answers, []);
      await clock.advance(1);
      assert.equal((answers[0] as { code: status }).code, status.DEADLINE_EXCEEDED);
      assert.equal(clock.pending, 0);
    });
  }

  it('takes a deadline in milliseconds too', async () => {
    const { answers, clock, start } = setUp(untilAborted, new FakeClock().now() + 10 * second);
    start();
    await clock.advance(9 * second);
    assert.equal(answers.length, 1);
  });

  it('whose caller goes away is told so', async () => {
    const { answers, call, clock, start } = setUp(untilAborted);
    start();
    call.emit('cancelled', 'cancelled');
    await settle();
    assert.equal((answers[0] as { code: status }).code, status.CANCELLED);
    assert.equal(clock.pending, 0);
  });
});
