import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Requeue, WorkQueue } from '../../../src/kube/index.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { assertLittleCpu } from '../../support/cpu-time.ts';

interface Work {
  readonly key: string;
  readonly signal: AbortSignal;
  finish(result?: Requeue): void;
  fail(error: Error): void;
}

interface World {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  /** All that was begun, in order. */
  readonly begun: Work[];
  readonly errors: { key: string; retryInMs: number }[];
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

function start(workers = 2): World {
  const clock = new FakeClock();
  const begun: Work[] = [];
  const errors: World['errors'] = [];
  const queue = new WorkQueue(
    { workers, baseDelayMs: 1_000, maxDelayMs: 10_000 },
    {
      clock,
      random: () => 0,
      reconcile: (key, signal) =>
        new Promise((resolve, reject) => begun.push({ key, signal, finish: resolve, fail: reject })),
      onError: (key, _error, retryInMs) => errors.push({ key, retryInMs }),
    },
  );
  const stop = new AbortController();
  return { clock, queue, begun, errors, stop, running: queue.run(stop.signal) };
}

function keys(begun: readonly Work[]): string[] {
  return begun.map(({ key }) => key);
}

describe('adding a key', () => {
  it('works on keys in the order of their arrival, as many at once as there are workers', async () => {
    const { queue, begun } = start(2);
    for (const key of ['a', 'b', 'c', 'd']) {
      queue.add(key);
    }
    assert.deepEqual(keys(begun), ['a', 'b']);
    assert.equal(queue.length, 2);
    assert.equal(queue.working, 2);
    begun[1]?.finish();
    await settle();
    assert.deepEqual(keys(begun), ['a', 'b', 'c']);
  });

  it('works once on a key that is added again while it waits', async () => {
    const { queue, begun } = start(1);
    for (const key of ['a', 'b', 'b', 'b']) {
      queue.add(key);
    }
    begun[0]?.finish();
    await settle();
    begun[1]?.finish();
    await settle();
    assert.deepEqual(keys(begun), ['a', 'b']);
  });

  it('never works on a key twice at once, but once more when it was added meanwhile', async () => {
    const { queue, begun } = start(4);
    queue.add('a');
    queue.add('a');
    queue.add('a');
    await settle();
    assert.deepEqual(keys(begun), ['a']);
    begun[0]?.finish();
    await settle();
    assert.deepEqual(keys(begun), ['a', 'a']);
    begun[1]?.finish();
    await settle();
    assert.equal(begun.length, 2);
  });

  it('before the queue runs keeps it for later', async () => {
    const done: string[] = [];
    const queue = new WorkQueue(
      { workers: 1 },
      {
        clock: new FakeClock(),
        random: () => 0,
        reconcile: (key) => {
          done.push(key);
          return Promise.resolve();
        },
      },
    );
    queue.add('a');
    await settle();
    assert.deepEqual(done, []);
    void queue.run(new AbortController().signal);
    await settle();
    assert.deepEqual(done, ['a']);
  });

  it('costs the same for very many keys', async () => {
    let done = 0;
    const queue = new WorkQueue(
      { workers: 8 },
      {
        clock: new FakeClock(),
        random: () => 0,
        reconcile: () => {
          done += 1;
          return Promise.resolve();
        },
      },
    );
    for (let n = 0; n < 100_000; n += 1) {
      queue.add(`key-${n}`);
    }
    await assertLittleCpu(async () => {
      void queue.run(new AbortController().signal);
      await settle();
    });
    assert.equal(done, 100_000);
  });
});

describe('adding a key later', () => {
  it('does so at the earliest of the times given', async () => {
    const { clock, queue, begun } = start();
    queue.addAfter('a', 5_000);
    queue.addAfter('a', 2_000);
    queue.addAfter('a', 9_000);
    assert.equal(clock.pending, 1);
    await clock.advance(1_999);
    assert.equal(begun.length, 0);
    await clock.advance(1);
    assert.deepEqual(keys(begun), ['a']);
    begun[0]?.finish();
    await clock.advance(60_000);
    assert.equal(begun.length, 1);
  });

  it('is what the work itself can ask for', async () => {
    const { clock, queue, begun } = start();
    queue.add('a');
    begun[0]?.finish({ requeueAfterMs: 3_000 });
    await clock.advance(3_000);
    assert.deepEqual(keys(begun), ['a', 'a']);
  });
});

describe('work that fails', () => {
  it('is done again, later each time, up to the longest wait', async () => {
    const { clock, queue, begun, errors } = start();
    queue.add('a');
    for (let attempt = 0; attempt < 6; attempt += 1) {
      begun[attempt]?.fail(new Error('no'));
      await settle();
      await clock.advance(clock.nextInMs ?? 0);
    }
    assert.deepEqual(
      errors.map(({ retryInMs }) => retryInMs),
      [1_000, 2_000, 4_000, 8_000, 10_000, 10_000],
    );
  });

  it('does not hold up other keys', async () => {
    const { queue, begun } = start(1);
    queue.add('a');
    queue.add('b');
    begun[0]?.fail(new Error('no'));
    await settle();
    assert.deepEqual(keys(begun), ['a', 'b']);
  });

  it('starts over with short waits after a success', async () => {
    const { clock, queue, begun, errors } = start();
    queue.add('a');
    begun[0]?.fail(new Error('no'));
    await clock.advance(1_000);
    begun[1]?.fail(new Error('no'));
    await clock.advance(2_000);
    begun[2]?.finish();
    await settle();
    queue.add('a');
    begun[3]?.fail(new Error('no'));
    await settle();
    assert.deepEqual(
      errors.map(({ retryInMs }) => retryInMs),
      [1_000, 2_000, 1_000],
    );
  });

  it('is not done a second time when an earlier add has made it succeed', async () => {
    const { clock, queue, begun } = start();
    queue.add('a');
    begun[0]?.fail(new Error('no'));
    await settle();
    queue.add('a');
    begun[1]?.finish();
    await clock.advance(60_000);
    assert.equal(begun.length, 2);
    assert.equal(clock.pending, 0);
  });

  it('may fail before it returns a promise', async () => {
    const errors: string[] = [];
    const queue = new WorkQueue(
      { workers: 1 },
      {
        clock: new FakeClock(),
        random: () => 0,
        reconcile: () => {
          throw new Error('at once');
        },
        onError: (key) => errors.push(key),
      },
    );
    void queue.run(new AbortController().signal);
    queue.add('a');
    await settle();
    assert.deepEqual(errors, ['a']);
    assert.equal(queue.working, 0);
  });
});

describe('forgetting a key', () => {
  it('drops what was planned for it and how often it failed', async () => {
    const { clock, queue, begun, errors } = start();
    queue.add('a');
    begun[0]?.fail(new Error('no'));
    await settle();
    queue.addAfter('a', 500);
    queue.forget('a');
    assert.equal(clock.pending, 0);
    queue.add('a');
    begun[1]?.fail(new Error('no'));
    await settle();
    assert.deepEqual(
      errors.map(({ retryInMs }) => retryInMs),
      [1_000, 1_000],
    );
  });
});

describe('the end of a queue', () => {
  it('waits for what is under way, starts nothing more and leaves no timer', async () => {
    const { clock, queue, begun, errors, stop, running } = start(2);
    let ended = false;
    void running.then(() => (ended = true));
    for (const key of ['a', 'b', 'c']) {
      queue.add(key);
    }
    queue.addAfter('d', 1_000);
    stop.abort();
    assert.equal(begun[0]?.signal.aborted, true);
    begun[0].finish({ requeueAfterMs: 1 });
    await settle();
    assert.equal(ended, false);
    begun[1]?.fail(new Error('aborted'));
    await running;
    assert.deepEqual(keys(begun), ['a', 'b']);
    assert.deepEqual(errors, []);
    assert.equal(clock.pending, 0);
    assert.equal(queue.length, 0);
  });

  it('makes later additions do nothing', async () => {
    const { clock, queue, begun, stop, running } = start();
    stop.abort();
    await running;
    queue.add('a');
    queue.addAfter('b', 1_000);
    assert.equal(queue.length, 0);
    assert.equal(clock.pending, 0);
    assert.deepEqual(begun, []);
  });

  it('is at once when nothing is under way', async () => {
    const { stop, running } = start();
    stop.abort();
    await running;
  });
});
