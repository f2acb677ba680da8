import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeOid, encodeOid } from '../../../../src/pki/der/oid.ts';
import { failsWith } from '../support/failures.ts';
import { assertLittleCpu } from '../../../support/cpu-time.ts';

const decode = (hex: string) => decodeOid(Buffer.from(hex, 'hex'));

describe('object identifiers', () => {
  it('come back as they were encoded', () => {
    const root = fc.oneof(
      fc.tuple(fc.constantFrom(0, 1), fc.nat(39)),
      fc.tuple(fc.constant(2), fc.nat(1_000_000)),
    );
    fc.assert(
      fc.property(root, fc.array(fc.nat(), { maxLength: 10 }), (first, rest) => {
        const dotted = [...first, ...rest].join('.');
        assert.equal(decodeOid(encodeOid(dotted).subarray(2)), dotted);
      }),
    );
  });

  it('are encoded as X.690 shows it', () => {
    assert.equal(encodeOid('2.999.3').toString('hex'), '0603883703');
    assert.equal(encodeOid('1.2.840.113549.1.1.11').toString('hex'), '06092a864886f70d01010b');
    assert.equal(encodeOid('1.3.6.1.4.1.311.10.3.3').toString('hex'), '060a2b0601040182370a0303');
  });

  it('may have arcs as large as a UUID', () => {
    assert.equal(
      decode('6983f8edacefd3d9f6aeb5a2cafbe5b8cccd8e0a'),
      `2.25.${decodeArc('83f8edacefd3d9f6aeb5a2cafbe5b8cccd8e0a')}`,
    );
    assert.equal(decode('88ffffffffffffffff7f'), `2.${decodeArc('88ffffffffffffffff7f') - 80n}`);
  });

  for (const [problem, hex] of Object.entries({
    nothing: '',
    'an arc that is cut off': '2a86',
    'a padded arc': '2a8001',
    'a padded first arc': '8001',
    'more than 64 octets': '01'.repeat(65),
  }))
    it(`of ${problem} are refused`, () => {
      assert.throws(() => decode(hex), failsWith('malformed'));
    });

  it('of a mebibyte are refused at once', () =>
    assertLittleCpu(() =>
      assert.throws(() => decodeOid(Buffer.alloc(1 << 20, 0x81)), failsWith('malformed')),
    ));
});

function decodeArc(hex: string): bigint {
  return Buffer.from(hex, 'hex').reduce((arc, octet) => arc * 128n + BigInt(octet & 0x7f), 0n);
}
