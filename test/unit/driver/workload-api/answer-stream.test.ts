import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { AnswerStream } from '../../../../src/driver/workload-api/answer-stream.ts';
import type { Svid, SvidState } from '../../../../src/driver/workload-api/svid.ts';

/** A call whose client takes an answer when the test says so. */
class SlowCall extends EventEmitter {
  readonly sent: string[] = [];
  readonly #waiting: (() => void)[] = [];

  write(response: string, taken: () => void): boolean {
    this.sent.push(response);
    this.#waiting.push(taken);
    return true;
  }

  take(): void {
    this.#waiting.shift()?.();
  }
}

/** An SVID that is known by its chain. */
function ready(name: string): SvidState {
  const svid: Svid = {
    id: { trustDomain: 'cluster.local', path: '/ns/web/sa/api' },
    chain: Buffer.from(name),
    key: Buffer.alloc(0),
    anchors: Buffer.alloc(0),
    federated: new Map(),
  };
  return { state: 'ready', svid };
}

function streamOf(call: SlowCall, read: () => SvidState): AnswerStream<string> {
  return new AnswerStream(
    {},
    {
      call: call as unknown as ServerWritableStream<unknown, string>,
      read,
      render: ({ chain }) => ({ version: chain.toString(), response: chain.toString() }),
    },
  );
}

describe('a stream of answers', () => {
  it('sends what is new, and nothing twice', () => {
    const call = new SlowCall();
    const stream = streamOf(call, () => ready('unused'));
    for (const name of ['one', 'one', 'two']) {
      stream.offer(ready(name));
      call.take();
    }
    assert.deepEqual(call.sent, ['one', 'two']);
  });

  it('waits while there is no certificate', () => {
    const call = new SlowCall();
    const stream = streamOf(call, () => ready('unused'));
    stream.offer({ state: 'awaited' });
    assert.deepEqual(call.sent, []);
    stream.offer(ready('one'));
    assert.deepEqual(call.sent, ['one']);
  });

  it('has one answer on its way at a time, and sends what is there when that is taken', () => {
    const call = new SlowCall();
    let present = ready('one');
    const stream = streamOf(call, () => present);
    for (const name of ['one', 'two', 'three']) stream.offer((present = ready(name)));
    assert.deepEqual(call.sent, ['one']);
    present = ready('four');
    call.take();
    assert.deepEqual(call.sent, ['one', 'four']);
    call.take();
    assert.deepEqual(call.sent, ['one', 'four']);
  });

  it('sends nothing when the volume is back at what the client has', () => {
    const call = new SlowCall();
    const stream = streamOf(call, () => ready('one'));
    stream.offer(ready('one'));
    stream.offer(ready('two'));
    call.take();
    assert.deepEqual(call.sent, ['one']);
  });

  it('ends with the reason when there is nothing for the client', () => {
    const call = new SlowCall();
    const ends: unknown[] = [];
    call.on('error', (error) => ends.push(error));
    const refusal = { code: status.PERMISSION_DENIED, details: 'no' };
    streamOf(call, () => ready('unused')).offer({ state: 'refused', ...refusal });
    assert.deepEqual(ends, [refusal]);
  });
});
