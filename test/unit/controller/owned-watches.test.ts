import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OwnedWatches } from '../../../src/controller/owned-watches.ts';
import type { WatchListener } from '../../../src/controller/owned-watches.ts';

describe('a watch that several have named', () => {
  it('tells those who are concerned by a change, and all when it is read for the first time', () => {
    const told: string[] = [];
    const listeners: WatchListener<string>[] = [];
    const watches = new OwnedWatches<string, number>({
      // All of one letter are under one watch.
      textOf: (key) => key.slice(0, 1),
      watch: (_, listener) => {
        listeners.push(listener);
        return { synced: true, current: () => 7 };
      },
      onChange: (owner) => void told.push(owner),
    });
    watches.want('one', ['a-1']);
    watches.want('two', ['a-1', 'a-2']);
    const [listener] = listeners;
    assert.equal(listeners.length, 1);
    listener?.changed();
    listener?.changed((named) => named.includes('a-2'));
    assert.deepEqual(told, ['one', 'two', 'two']);
    assert.deepEqual(watches.get('a-3'), { state: 'known', value: 7 });
    assert.deepEqual(watches.get('b'), { state: 'loading' });
  });
});
