import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import {
  decodeSubject,
  encodeSubject,
  formatSubject,
  isEmptySubject,
  type Subject,
} from '../../../../src/pki/names/subject.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';
import { openssl } from '../support/openssl.ts';

const full: Subject = {
  countries: ['DE', 'FR'],
  organizations: ['Müller & Söhne, GmbH'],
  organizationalUnits: ['A', 'B+C'],
  localities: ['Köln'],
  provinces: ['NRW'],
  streetAddresses: ['Domstraße 1'],
  postalCodes: ['50667'],
  commonName: 'api.web.svc',
  serialNumber: '42/a',
};

const attribute = (oid: string, type: number, content: Uint8Array | string) =>
  encode(0x31, sequence(encodeOid(oid), encode(type, Buffer.from(content))));

describe('a subject', () => {
  it('comes back with every attribute, and as the same octets', () => {
    const { raw, ...fields } = decodeSubject(encodeSubject(full));
    assert.deepEqual(fields, full);
    assert.ok(raw);
    assert.deepEqual(encodeSubject({ raw, commonName: 'ignored' }), raw);
  });

  it('comes back whatever the texts are', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
      .filter((value) => !/\p{Cc}/u.test(value));
    fc.assert(
      fc.property(fc.tuple(text, fc.array(text, { minLength: 1 })), ([commonName, organizations]) => {
        const subject = { commonName, organizations };
        const { raw: _, ...fields } = decodeSubject(encodeSubject(subject));
        assert.deepEqual(fields, subject);
      }),
    );
  });

  it('is PrintableString where that suffices and UTF8String elsewhere', () => {
    const parsed = openssl(['asn1parse', '-inform', 'DER', '-in', '@name'], { name: encodeSubject(full) });
    assert.match(parsed, /countryName\s[^]*?PRINTABLESTRING\s+:DE/);
    assert.match(parsed, /organizationName\s[^]*?UTF8STRING\s+:M/);
    assert.match(parsed, /serialNumber\s[^]*?PRINTABLESTRING\s+:42\/a/);
  });

  it('is empty without attributes', () => {
    assert.equal(encodeSubject({}).toString('hex'), '3000');
    assert.ok(isEmptySubject({ commonName: '', organizations: [] }));
    assert.ok(isEmptySubject({ raw: Buffer.from('3000', 'hex') }));
    assert.ok(!isEmptySubject({ raw: encodeSubject({ commonName: 'a' }) }));
  });

  for (const [problem, subject] of Object.entries<Subject>({
    'a common name above 64 characters': { commonName: 'x'.repeat(65) },
    'an empty organization': { organizations: [''] },
    'a country in words': { countries: ['Germany'] },
    'a country outside of ASCII': { countries: ['ÄÖ'] },
    'a NUL': { commonName: 'good.example\0.evil.example' },
    'a line feed': { commonName: 'a\nb' },
    'half a surrogate pair': { commonName: '\ud800' },
    'a serial number that is not printable': { serialNumber: 'ü' },
  }))
    it(`with ${problem} is refused`, () => {
      assert.throws(() => encodeSubject(subject), failsWith('invalid-name', /^subject /));
    });

  it('counts characters and not octets', () => {
    encodeSubject({ commonName: '😀'.repeat(64) });
  });

  it('is read from every string type', () => {
    for (const [type, content] of [
      [0x0c, Buffer.from('é')],
      [0x14, Buffer.from('é', 'latin1')],
      [0x1e, Buffer.from([0, 0xe9])],
      [0x1c, Buffer.from([0, 0, 0, 0xe9])],
    ] as const)
      assert.equal(decodeSubject(sequence(attribute('2.5.4.3', type, content))).commonName, 'é');
    assert.equal(decodeSubject(sequence(attribute('2.5.4.3', 0x16, 'e'))).commonName, 'e');
  });

  it('with several common names is known by the last', () => {
    const raw = sequence(attribute('2.5.4.3', 0x0c, 'first'), attribute('2.5.4.3', 0x0c, 'last'));
    assert.equal(decodeSubject(raw).commonName, 'last');
  });

  for (const [problem, name] of Object.entries({
    'octets that are not UTF-8': sequence(attribute('2.5.4.3', 0x0c, Buffer.of(0xff))),
    'a PrintableString outside of ASCII': sequence(attribute('2.5.4.3', 0x13, 'ü')),
    'half a BMPString character': sequence(attribute('2.5.4.3', 0x1e, 'a')),
    'a code point beyond Unicode': sequence(attribute('2.5.4.3', 0x1c, Buffer.of(0, 0x11, 0, 0))),
    'a number as common name': sequence(attribute('2.5.4.3', 0x02, Buffer.of(1))),
    'a NUL in its common name': sequence(attribute('2.5.4.3', 0x0c, 'good\0evil')),
    'an empty set': sequence(encode(0x31)),
    'an attribute without a value': sequence(encode(0x31, sequence(encodeOid('2.5.4.3')))),
    'an attribute with two values': sequence(
      encode(
        0x31,
        sequence(encodeOid('2.5.4.3'), encode(0x0c, Buffer.from('a')), encode(0x0c, Buffer.from('b'))),
      ),
    ),
    'more after its end': Buffer.concat([sequence(), Buffer.of(0)]),
  }))
    it(`with ${problem} is refused`, () => {
      assert.throws(() => decodeSubject(name), failsWith('malformed'));
    });

  it('of any octets decodes or is refused', () => {
    const piece = fc.tuple(
      fc.constantFrom('2.5.4.3', '2.5.4.5', '1.2.3'),
      fc.nat(30),
      fc.uint8Array({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (pieces, rest) =>
        returnsOrRefuses(() => {
          const names = pieces.map(([oid, type, content]) => attribute(oid, type, content));
          return formatSubject(decodeSubject(sequence(...names, Buffer.from(rest))));
        }),
      ),
    );
  });

  it('is shown as RFC 4514 writes it', () => {
    assert.equal(formatSubject({ commonName: 'a', organizations: ['x, y', 'z'] }), 'CN=a,O=z,O=x\\, y');
    assert.equal(formatSubject({ commonName: ' #"+,;<>\\ ' }), 'CN=\\ #\\"\\+\\,\\;\\<\\>\\\\\\ ');
    assert.equal(formatSubject({}), '');
    const raw = sequence(
      encode(
        0x31,
        sequence(encodeOid('2.5.4.3'), encode(0x0c, Buffer.from('a\n'))),
        sequence(encodeOid('1.2.3'), encode(0x02, Buffer.of(1))),
      ),
    );
    assert.equal(formatSubject({ raw }), 'CN=a\\0a+1.2.3=#020101');
  });
});
