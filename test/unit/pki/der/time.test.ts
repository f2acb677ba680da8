import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DerReader } from '../../../../src/pki/der/reader.ts';
import { encodeTime, readTime } from '../../../../src/pki/der/time.ts';
import { encode } from '../../../../src/pki/der/writer.ts';
import { failsWith } from '../support/failures.ts';

const read = (type: number, text: string) =>
  readTime(new DerReader(encode(type, Buffer.from(text, 'latin1')), 'the certificate'));
const textOf = (time: string) => encodeTime(new Date(time)).toString('latin1').slice(2);

describe('times', () => {
  it('are UTCTime through 2049 and GeneralizedTime from 2050', () => {
    assert.equal(textOf('1950-01-01T00:00:00Z'), '500101000000Z');
    assert.equal(textOf('2049-12-31T23:59:59.999Z'), '491231235959Z');
    assert.equal(textOf('2050-01-01T00:00:00Z'), '20500101000000Z');
    assert.equal(textOf('9999-12-31T23:59:59Z'), '99991231235959Z');
  });

  it('come back to the second', () => {
    const range = {
      min: new Date('1950-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(range), (time) => {
        const back = readTime(new DerReader(encodeTime(time), 'the certificate'));
        assert.equal(back.getTime(), Math.floor(time.getTime() / 1000) * 1000);
      }),
    );
  });

  it('outside of the years that a certificate can have are refused', () => {
    for (const time of ['1949-12-31T23:59:59Z', '+010000-01-01T00:00:00Z', 'nonsense'])
      assert.throws(() => encodeTime(new Date(time)), failsWith('invalid-template'));
  });

  it('that do not exist, or are not to the second in UTC, are refused', () => {
    for (const text of [
      '260231000000Z',
      '261301000000Z',
      '260101240000Z',
      '2601010000Z',
      '260101000000+0000',
      '260101000000',
      ' 60101000000Z',
    ])
      assert.throws(() => read(0x17, text), failsWith('malformed'), text);
    for (const text of ['20260101000000.5Z', '20260101000000', '00000000000000Z', '260101000000Z'])
      assert.throws(() => read(0x18, text), failsWith('malformed'), text);
    assert.throws(() => read(0x0c, '260101000000Z'), failsWith('malformed'));
  });
});
