import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodePem, decodeSinglePem, encodePem } from '../../../src/pki/pem.ts';
import { failsWith, returnsOrRefuses } from './support/failures.ts';
import { openssl } from './support/openssl.ts';
import { assertLittleCpu } from '../../support/cpu-time.ts';

const decode = (text: string) => decodePem(text, 'the text', 1 << 20);
const block = (body: string, label = 'CERTIFICATE') =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;

describe('PEM', () => {
  it('comes back as it was encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (octets) => {
        const blocks = decode(encodePem('CERTIFICATE REQUEST', octets));
        assert.deepEqual(blocks, [{ label: 'CERTIFICATE REQUEST', der: Buffer.from(octets) }]);
      }),
    );
  });

  it('is written as openssl writes it', () => {
    const ours = encodePem('DATA', Buffer.alloc(100, 7)).split('\n').slice(1, -2).join('\n');
    assert.equal(`${ours}\n`, openssl(['base64', '-in', '@in'], { in: Buffer.alloc(100, 7) }));
  });

  it('may have explanatory text around its blocks, and lines that end as on Windows', () => {
    const text = `subject=CN = root\r\n${block('AQID').replaceAll('\n', '\r\n')}\r\nissuer=-\r\n${block('BAUG')}`;
    assert.deepEqual(
      decode(text).map(({ der }) => [...der]),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    );
  });

  it('may have its base64 in lines of any length', () => {
    assert.deepEqual([...(decode(block('AQ\nIDB\nAUG'))[0]?.der ?? [])], [1, 2, 3, 4, 5, 6]);
  });

  for (const [problem, text] of Object.entries({
    'no block': 'hello',
    nothing: '',
    'a block without end': '-----BEGIN CERTIFICATE-----\nAQID\n',
    'an end without beginning': '-----END CERTIFICATE-----\n',
    'a block inside of another': `-----BEGIN A-----\n${block('AQID')}`,
    'two labels': '-----BEGIN A-----\nAQID\n-----END B-----\n',
    'a label in small letters': block('AQID', 'certificate'),
    'an empty label': block('AQID', ''),
    'a mangled beginning after a good block': `${block('AQID')}-----BEGIN CERTIFICATE----\nAQID\n`,
    'text after the end boundary': block('AQID').replace('-----\n', '----- x\n'),
    'no content': block(''),
    'characters that base64 does not have': block('AQ*D'),
    'base64 of URLs': block('-_-_'),
    'missing padding': block('AQI'),
    'padding in the middle': block('AQI=AQID'),
    'bits that no octet uses': block('AQJ='),
    'spaces within lines': block('AQ ID'),
    'headers of RFC 1421': block('Proc-Type: 4,ENCRYPTED\n\nAQID'),
    'a NUL': block('AQ\0ID'),
  }))
    it(`with ${problem} is refused`, () => {
      assert.throws(() => decode(text), failsWith('malformed', /^the text is malformed: /));
    });

  it('is refused by its length before anything else', () => {
    assert.throws(() => decodePem('x'.repeat(101), 'the text', 100), failsWith('too-large', /101 .* 100/));
  });

  it('that has to be one block of some kind is refused with two, or of another kind', () => {
    const one = (text: string) => decodeSinglePem(text, 'the text', 1000, ['A', 'B']);
    assert.equal(one(block('AQID', 'B')).label, 'B');
    assert.throws(() => one(block('AQID', 'A') + block('AQID', 'A')), failsWith('malformed', /2 PEM blocks/));
    assert.throws(() => one(block('AQID', 'C')), failsWith('malformed', /"C" instead of "A" or "B"/));
  });

  it('of any text decodes or is refused', () => {
    const piece = fc.oneof(
      fc.constantFrom('-----BEGIN A-----', '-----END A-----', '-----', 'AQID', '\n', '\r\n', ' ', '=', ':'),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) =>
        returnsOrRefuses(() => decode(pieces.join(''))),
      ),
    );
  });

  it('takes time in proportion to its length', async () => {
    const hostile = [
      '-----BEGIN A-----\n'.repeat(50_000),
      `${'-----BEGIN A-----'.repeat(50_000)}\n`,
      '-'.repeat(1 << 20),
      '\n'.repeat(1 << 20),
      `-----BEGIN A-----\n${'A\n'.repeat(500_000)}`,
      `-----BEGIN ${'A '.repeat(500_000)}-----\n`,
    ];
    await assertLittleCpu(() => {
      for (const text of hostile) assert.throws(() => decode(text), failsWith('malformed'));
    });
  });
});
