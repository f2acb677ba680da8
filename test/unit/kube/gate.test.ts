import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from '../../../src/kube/index.ts';
import { settle } from '../../support/fake-clock.ts';
import { failureOf } from './fakes/api-server.ts';

describe('a gate', () => {
  function setUp() {
    const gate = new Gate({ atOnce: 2 });
    const begun: string[] = [];
    const ends = new Map<string, PromiseWithResolvers<string>>();
    const pass = (name: string, signal?: AbortSignal): Promise<string> =>
      gate.run(() => {
        begun.push(name);
        const end = Promise.withResolvers<string>();
        ends.set(name, end);
        return end.promise;
      }, signal);
    return { gate, begun, ends, pass };
  }

  it('lets so many through at once, and the others in their order', async () => {
    const { gate, begun, ends, pass } = setUp();
    const all = ['a', 'b', 'c', 'd'].map((name) => pass(name));
    await settle();
    assert.deepEqual(begun, ['a', 'b']);
    assert.equal(gate.waiting, 2);
    ends.get('b')?.resolve('B');
    await settle();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    assert.equal(await all[1], 'B');
    assert.equal(gate.waiting, 1);
  });

  it('passes a failure on, and lets the next through', async () => {
    const { begun, ends, pass } = setUp();
    const failed = failureOf(pass('a'));
    for (const name of ['b', 'c']) void pass(name);
    ends.get('a')?.reject(new Error('no'));
    assert.equal(((await failed) as Error).message, 'no');
    await settle();
    assert.deepEqual(begun, ['a', 'b', 'c']);
  });

  it('forgets who gave up waiting', async () => {
    const { gate, begun, ends, pass } = setUp();
    const stop = new AbortController();
    for (const name of ['a', 'b']) void pass(name);
    const given = failureOf(pass('c', stop.signal));
    void pass('d');
    stop.abort(new Error('enough'));
    assert.equal(((await given) as Error).message, 'enough');
    assert.equal(((await failureOf(pass('e', stop.signal))) as Error).message, 'enough');
    assert.equal(gate.waiting, 1);
    ends.get('a')?.resolve('A');
    await settle();
    assert.deepEqual(begun, ['a', 'b', 'd']);
  });
});
