import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MinHeap } from '../../../../../src/driver/volume/renewal/min-heap.ts';

describe('a heap', () => {
  it('gives back what was put in, the least first, however the two are mixed', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), (steps) => {
        const heap = new MinHeap<number>((a, b) => a < b);
        const model: number[] = [];
        for (const step of steps) {
          if (step !== undefined) {
            heap.push(step);
            model.push(step);
          } else {
            assert.equal(heap.pop(), model.sort((a, b) => a - b).shift());
          }
          assert.equal(heap.size, model.length);
          assert.equal(heap.peek(), model.length === 0 ? undefined : Math.min(...model));
        }
      }),
    );
  });
});
