import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DerReader } from '../../../../src/pki/der/reader.ts';
import { tag } from '../../../../src/pki/der/tag.ts';
import {
  booleanTrue,
  encode,
  octetAlignedBits,
  octetString,
  sequence,
  smallInteger,
  unsignedInteger,
} from '../../../../src/pki/der/writer.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';

const read = (hex: string) => new DerReader(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 'the thing');

describe('DER', () => {
  it('comes back as it was written, whatever its length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1 << 24]) {
      const reader = new DerReader(octetString(Buffer.alloc(length, 0x5a)), 'the thing');
      assert.equal(reader.read(tag.octetString).content.length, length);
      reader.end();
    }
  });

  it('writes integers as short as they can be, and not negative', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }), (value) => {
        const hex = value.toString(16);
        const reader = new DerReader(unsignedInteger(Buffer.from(hex.padStart(42, '0'), 'hex')), 'the thing');
        const octets = reader.integer(21);
        assert.ok((octets[0] ?? 0x80) < 0x80);
        assert.equal(BigInt(`0x${octets.toString('hex')}`), value);
      }),
    );
    assert.equal(unsignedInteger(Buffer.alloc(0)).toString('hex'), '020100');
  });

  it('reads a structure in the order that is expected', () => {
    const fields = new DerReader(
      sequence(smallInteger(5), booleanTrue(), octetAlignedBits(Buffer.of(1, 2)), encode(0xa0)),
      'the thing',
    ).enter();
    assert.equal(fields.smallInteger(), 5);
    assert.equal(fields.optional(tag.integer), undefined);
    assert.equal(fields.boolean(), true);
    assert.deepEqual([...fields.octetAlignedBits()], [1, 2]);
    assert.equal(fields.enter(0xa0).atEnd, true);
    fields.end();
  });

  const malformed = failsWith('malformed', /^the thing is malformed/);
  for (const [problem, hex] of Object.entries({
    'nothing at all': '',
    'no length': '30',
    'content that ends early': '30 05 01',
    'a length that ends early': '30 82 01',
    'a length far beyond the end': '30 84 ff ff ff ff',
    'an indefinite length': '30 80 00 00',
    'a length of five octets': '30 85 00 00 00 00 00',
    'a length of 127 octets': `30 ff ${'00'.repeat(127)}`,
    'a long length where a short one would do': '30 81 01 00',
    'a length with a zero in front': `30 82 00 80 ${'00'.repeat(128)}`,
    'a tag above 30': '3f 81 01 00',
  }))
    it(`with ${problem} is refused`, () => {
      assert.throws(() => read(hex).any(), malformed);
    });

  it('of another type than expected is refused by the names of both', () => {
    assert.throws(
      () => read('0201 00').read(tag.sequence),
      failsWith('malformed', /expected sequence, found integer/),
    );
    assert.throws(() => read('8700').read(tag.sequence), failsWith('malformed', /found tag 0x87/));
    assert.throws(() => read('').read(tag.sequence), failsWith('malformed', /found the end/));
  });

  it('with more after the end is refused', () => {
    const reader = read('0500 00');
    reader.any();
    assert.throws(() => reader.end(), malformed);
  });

  for (const [problem, run] of Object.entries({
    'a boolean of 1': () => read('010101').boolean(),
    'an empty boolean': () => read('0100').boolean(),
    'an empty integer': () => read('0200').integer(4),
    'a padded integer': () => read('0202007f').integer(4),
    'a padded negative integer': () => read('0202ff80').integer(4),
    'an integer longer than allowed': () => read('02050100000000').integer(4),
    'a negative number': () => read('0201ff').smallInteger(),
    'unused bits': () => read('03020780').octetAlignedBits(),
    'a bit string without its first octet': () => read('0300').octetAlignedBits(),
  }))
    it(`with ${problem} is refused`, () => {
      assert.throws(run, malformed);
    });

  it('of any octets is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) =>
        returnsOrRefuses(() => {
          const reader = new DerReader(Buffer.from(octets), 'the thing');
          while (!reader.atEnd) reader.any();
        }),
      ),
    );
  });
});
