import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { splitCsv } from '../../../../../src/driver/volume/attributes/split-csv.ts';
import { assertLittleCpu } from '../../../../support/cpu-time.ts';

describe('a quoted list', () => {
  it('is split at commas outside of quotes', () => {
    assert.deepEqual(splitCsv('a'), ['a']);
    assert.deepEqual(splitCsv(''), ['']);
    assert.deepEqual(splitCsv('a, b ,,c'), ['a', 'b', '', 'c']);
    assert.deepEqual(splitCsv('"10 Downing Street, Westminster",Manchester'), [
      '10 Downing Street, Westminster',
      'Manchester',
    ]);
    assert.deepEqual(splitCsv(' "a" , " b " ,""'), ['a', ' b ', '']);
    assert.deepEqual(splitCsv('"say ""hi"""'), ['say "hi"']);
    assert.deepEqual(splitCsv('a\\,b'), ['a\\', 'b'], 'a backslash escapes nothing');
  });

  it('is refused with quotes that do not pair', () => {
    for (const text of ['"', '"a', 'a"', 'a"b"', '"a"b', '"a""', 'x,"'])
      assert.throws(() => splitCsv(text), RangeError, text);
  });

  it('gives back whatever was quoted', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (elements) => {
        const text = elements.map((element) => `"${element.replaceAll('"', '""')}"`).join(',');
        assert.deepEqual(splitCsv(text), elements);
      }),
    );
  });

  it('is read in time in proportion to its length', () =>
    assertLittleCpu(() => {
      for (const unit of ['"', '""', ' ', ',', '" ', ' "', 'a', '"a', '"a" ']) {
        for (const end of ['', 'x', '"']) {
          try {
            splitCsv(unit.repeat(262_144 / unit.length) + end);
          } catch (error) {
            assert.ok(error instanceof RangeError);
          }
        }
      }
    }));
});
