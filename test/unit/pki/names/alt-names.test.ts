import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import {
  decodeAltNames,
  encodeAltNames,
  noAltNames,
  sameAltNames,
} from '../../../../src/pki/names/alt-names.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';

describe('subject alternative names', () => {
  it('come back as they were encoded', () => {
    const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?$/);
    const lists = {
      dnsNames: fc.array(
        fc.tuple(fc.boolean(), label, label).map(([wild, a, b]) => `${wild ? '*.' : ''}${a}.${b}`),
      ),
      ipAddresses: fc.array(fc.ipV4()),
      uris: fc.array(fc.webUrl()),
      emailAddresses: fc.array(fc.tuple(label, label).map(([local, host]) => `${local}@${host}`)),
      otherKinds: fc.constant([]),
    };
    fc.assert(
      fc.property(fc.record(lists, { noNullPrototype: true }), (altNames) => {
        fc.pre(Object.values(altNames).some((list) => list.length > 0));
        fc.pre(altNames.uris.every((uri) => /^[\x21-\x7e]+$/.test(uri)));
        assert.deepEqual(decodeAltNames(encodeAltNames(altNames)), altNames);
      }),
    );
  });

  for (const [list, values] of Object.entries({
    dnsNames: [
      '',
      'münchen.example',
      'a b',
      'a..b',
      '.a',
      'a.',
      '-a',
      'a-',
      '*',
      '*.*.a',
      'a.*.b',
      'fo*.a',
      `${'a'.repeat(64)}.b`,
      'a.'.repeat(130) + 'a',
      'a\0.b',
      'a,DNS:b',
      'a\n',
    ],
    ipAddresses: ['', '1.2.3', '1.2.3.4/32', 'fe80::1%eth0', 'localhost'],
    uris: [
      '',
      'relative/path',
      '//host/path',
      'https://bücher.example/',
      'https://a b',
      'https://a/%',
      'https://a/%zz',
      'https://a/"',
      'a:\n',
      `https://a/${'x'.repeat(2048)}`,
    ],
    emailAddresses: [
      '',
      'a',
      '@a',
      'a@',
      'a@b@c d',
      'a@*.b',
      '"a b"@c',
      'ä@b.example',
      'Name <a@b>',
      `${'a'.repeat(65)}@b`,
    ],
  }))
    it(`${list} that no certificate should carry are refused by name`, () => {
      for (const value of values)
        assert.throws(
          () => encodeAltNames({ ...noAltNames, [list]: [value] }),
          failsWith('invalid-name'),
          value,
        );
    });

  it('outside of ASCII are refused with what to write instead', () => {
    assert.throws(
      () => encodeAltNames({ ...noAltNames, dnsNames: ['münchen.de'] }),
      failsWith('invalid-name', /xn--/),
    );
    assert.throws(
      () => encodeAltNames({ ...noAltNames, uris: ['spiffe://td/ü'] }),
      failsWith('invalid-name', /percent/),
    );
  });

  for (const [problem, value] of Object.entries({
    'no name': sequence(),
    'a DNS name outside of ASCII': sequence(encode(0x82, Buffer.from('ü'))),
    'an empty DNS name': sequence(encode(0x82)),
    'an IP address of 5 octets': sequence(encode(0x87, Buffer.alloc(5))),
    'a name of no known kind': sequence(encode(0x89, Buffer.from('a'))),
    'a DNS name as a constructed value': sequence(encode(0xa2, Buffer.from('a'))),
    'no list': encode(0x82, Buffer.from('a.example')),
    'more after the list': Buffer.concat([sequence(encode(0x82, Buffer.from('a'))), Buffer.of(0)]),
  }))
    it(`with ${problem} are refused`, () => {
      assert.throws(() => decodeAltNames(value), failsWith('malformed', /subject alternative name/));
    });

  it('of other kinds are seen', () => {
    const names = sequence(
      encode(0xa0),
      encode(0xa3),
      encode(0xa4),
      encode(0xa5),
      encode(0x88),
      encode(0x82, Buffer.from('a')),
    );
    assert.deepEqual(decodeAltNames(names), {
      ...noAltNames,
      dnsNames: ['a'],
      otherKinds: ['otherName', 'x400Address', 'directoryName', 'ediPartyName', 'registeredID'],
    });
  });

  it('of any octets decode or are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) =>
        returnsOrRefuses(() => decodeAltNames(sequence(Buffer.from(octets)))),
      ),
    );
  });

  it('are the same in any order and form', () => {
    const a = { ...noAltNames, dnsNames: ['a.example', 'B.example'], ipAddresses: ['::0:1'] };
    const b = { ...noAltNames, dnsNames: ['b.example', 'A.example', 'a.example'], ipAddresses: ['::1'] };
    assert.ok(sameAltNames(a, b));
    assert.ok(!sameAltNames(a, { ...b, uris: ['a:b'] }));
    assert.ok(
      !sameAltNames({ ...noAltNames, uris: ['spiffe://td/A'] }, { ...noAltNames, uris: ['spiffe://td/a'] }),
    );
  });
});
