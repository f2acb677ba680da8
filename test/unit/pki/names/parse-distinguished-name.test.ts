import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PkiError } from '../../../../src/pki/errors.ts';
import { createRequest, generateKey } from '../../../../src/pki/index.ts';
import { parseDistinguishedName } from '../../../../src/pki/names/parse-distinguished-name.ts';
import { encodeSubject, formatSubject, type Subject } from '../../../../src/pki/names/subject.ts';
import { failsWith } from '../support/failures.ts';
import { openssl } from '../support/openssl.ts';
import { assertLittleCpu } from '../../../support/cpu-time.ts';

/** What is in the name, without the octets. */
function fieldsOf(text: string): Subject {
  const { raw: _, ...fields } = parseDistinguishedName(text);
  return fields;
}

const hexOf = (text: string): string =>
  Buffer.from(encodeSubject(parseDistinguishedName(text))).toString('hex');

describe('a distinguished name as text', () => {
  it('is read with every type, in any case', () => {
    assert.deepEqual(
      fieldsOf('cn=api,OU=web,O=x,L=Köln,ST=NRW,STREET=Domstraße 1,postalCode=50667,SerialNumber=42,C=DE'),
      {
        commonName: 'api',
        organizationalUnits: ['web'],
        organizations: ['x'],
        localities: ['Köln'],
        provinces: ['NRW'],
        streetAddresses: ['Domstraße 1'],
        postalCodes: ['50667'],
        serialNumber: '42',
        countries: ['DE'],
      },
    );
  });

  it('has its first name last in DER, octet by octet as Go encodes it', () => {
    // asn1.Marshal(pkix.RDNSequence{{C=DE}, {O=Müller & Co}, {OU=a*, CN=api}})
    const fromGo =
      '303d310b300906035504061302444531153013060355040a0c0c4dc3bc6c6c6572202620436f' +
      '31173009060355040b0c02612a300a06035504031303617069';
    assert.equal(hexOf('CN=api+OU=a*,O=Müller & Co,C=DE'), fromGo);
  });

  it('has the names of a multi-valued one in the order of their octets, however they are written', () => {
    assert.equal(hexOf('CN=a+O=x'), hexOf('O=x+CN=a'));
    assert.equal(formatSubject(parseDistinguishedName('O=x+CN=a,C=DE')), 'CN=a+O=x,C=DE');
  });

  it('takes dotted types and values in DER', () => {
    assert.equal(hexOf('2.5.4.3=a'), hexOf('CN=a'));
    assert.equal(hexOf('CN=#0c0161'), '300c310a300806035504030c0161');
    assert.equal(
      formatSubject(parseDistinguishedName('1.2.3=text,1.2.4=#020101')),
      '1.2.3=text,1.2.4=#020101',
    );
    assert.match(hexOf('DC=example'), /160765/, 'a domain component is an IA5String');
  });

  it('takes escapes and drops spaces that are not escaped', () => {
    assert.equal(fieldsOf(' CN = \\ a b\\   , O=x ').commonName, ' a b ');
    assert.equal(fieldsOf('CN=\\"\\+\\,\\;\\<\\>\\\\\\=\\#').commonName, '"+,;<>\\=#');
    assert.equal(fieldsOf('CN=K\\c3\\B6ln').commonName, 'Köln');
    assert.equal(fieldsOf('CN=a=b#c').commonName, 'a=b#c');
    assert.equal(fieldsOf('CN=a\\  ').commonName, 'a ');
    assert.deepEqual(fieldsOf('CN=a;O=x').organizations, ['x'], 'RFC 2253 separates by semicolons too');
  });

  for (const [problem, text] of Object.entries({
    'nothing in it': '',
    'only spaces': '  ',
    'a name without type': 'api',
    'an empty value': 'CN=',
    'an empty name at its end': 'CN=a,',
    'an unknown type': 'XY=a',
    'a type that is no object identifier': '3.1=a',
    'a second arc that is too large': '1.40=a',
    'a padded arc': '1.02=a',
    'an endless type': `1${'.1'.repeat(100)}=a`,
    'a bare quote': 'O="x, y"',
    'a bare angle': 'CN=<a>',
    'an unknown escape': 'CN=\\a',
    'a backslash at its end': 'CN=a\\',
    'octets that are not UTF-8': 'CN=\\ff',
    'a NUL': 'CN=good\\00.evil',
    'a line feed': 'CN=a\nb',
    'half a hexadecimal octet': 'CN=#0c01616',
    'nothing after the hash': 'CN=#',
    'text of a number type': 'DC=ä',
    'a country of three letters': 'C=DEU',
    'a common name of 65 characters': `CN=${'x'.repeat(65)}`,
    'the same hidden in hexadecimal': `CN=#0c41${'78'.repeat(65)}`,
    'too many characters': `CN=a,${'O=x,'.repeat(5_000)}O=x`,
  }))
    it(`with ${problem} is refused`, () => {
      assert.throws(() => parseDistinguishedName(text), failsWith('invalid-name'));
    });

  it('with DER that is none, or no text for a name, is refused', () => {
    assert.throws(() => parseDistinguishedName('1.2.3=#0c05'), failsWith('malformed'));
    assert.throws(() => parseDistinguishedName('1.2.3=#0c016100'), failsWith('malformed'));
    assert.throws(() => parseDistinguishedName('CN=#020101'), failsWith('malformed'));
  });

  it('is refused with the place of the fault', () => {
    assert.throws(
      () => parseDistinguishedName('CN=a, XY=b'),
      failsWith('invalid-name', /at character 6: unknown type "XY"/),
    );
    assert.throws(
      () => parseDistinguishedName('CN=a"b'),
      failsWith('invalid-name', /at character 5: "\\"" must be escaped/),
    );
  });
});

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((value) => !/\p{Cc}/u.test(value) && value.isWellFormed());
const texts = fc.array(text, { minLength: 1, maxLength: 3 });
const subject = fc.record(
  {
    commonName: text,
    organizations: texts,
    organizationalUnits: texts,
    localities: texts,
    streetAddresses: texts,
  },
  { requiredKeys: ['commonName'] },
);

describe('text and name', () => {
  it('come back from each other', () => {
    fc.assert(
      fc.property(subject, (fields) => {
        const encoded = encodeSubject(fields);
        assert.deepEqual(parseDistinguishedName(formatSubject(fields)).raw, encoded);
      }),
    );
  });

  it('come back through openssl', async () => {
    const key = await generateKey({ algorithm: 'ECDSA', size: 256 });
    const given = 'CN=a\\, b+UID=u-1,OU=\\ x ,STREET=Domstraße 1,O=A \\"B\\" \\+ C\\\\D,DC=example,C=DE';
    const request = await createRequest(
      {
        subject: parseDistinguishedName(given),
        altNames: { dnsNames: [], ipAddresses: [], uris: [], emailAddresses: [] },
      },
      key,
    );
    const shown = openssl(['req', '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb', '-in', '@csr.pem'], {
      'csr.pem': request,
    });
    const again = shown.trim().replace(/^subject=/, '');
    assert.deepEqual(parseDistinguishedName(again).raw, parseDistinguishedName(given).raw);
  });
});

describe('any text at all', () => {
  const piece = fc.constantFrom(
    'CN',
    'O',
    '=',
    ',',
    '+',
    ';',
    '\\',
    '"',
    '#',
    ' ',
    '00',
    '0c0161',
    '1.2.3',
    'ä',
    'x',
    '\ud800',
  );
  it('is a name or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
        ),
        (given) => {
          try {
            encodeSubject(parseDistinguishedName(given));
          } catch (error) {
            assert.ok(error instanceof PkiError, String(error));
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('takes time in proportion to its length', () =>
    assertLittleCpu(() => {
      for (const unit of [' ', '\\ ', 'x ', 'CN=a,', 'CN=a+', '\\20', '=', '#', '1.', 'A-', '\\']) {
        const rest = unit.repeat(Math.floor(16_000 / unit.length));
        for (const given of [rest, `CN=${rest}`, `CN=${rest}\\`, `CN=a,${rest}"`]) {
          try {
            parseDistinguishedName(given);
          } catch (error) {
            assert.ok(error instanceof PkiError);
          }
        }
      }
    }));
});
