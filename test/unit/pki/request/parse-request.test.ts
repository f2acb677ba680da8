import assert from 'node:assert/strict';
import { createPublicKey, ECDH, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import {
  encode,
  octetAlignedBits,
  octetString,
  sequence,
  smallInteger,
  unsignedInteger,
} from '../../../../src/pki/der/writer.ts';
import { encodeAltNames } from '../../../../src/pki/names/alt-names.ts';
import {
  createRequest,
  encodePem,
  noAltNames,
  parseRequest,
  type PkiFailure,
} from '../../../../src/pki/index.ts';
import { makeKey, workload } from '../support/builders.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';
import {
  extensionAttribute,
  forgeAltName,
  type ForgedRequest,
  forgeExtension,
  forgeRequest,
  forgeRequestDer,
} from '../support/forge.ts';
import { openssl } from '../support/openssl.ts';
import { assertLittleCpu } from '../../../support/cpu-time.ts';

const altNames = forgeExtension('2.5.29.17', encodeAltNames({ ...noAltNames, dnsNames: ['a.example'] }));
const nested = (depth: number): Buffer => {
  // Lengths of three octets all the way, from the inside out, without copying for each level.
  const prefix = Buffer.alloc(depth * 4);
  for (let level = 0; level < depth; level++) {
    prefix[level * 4] = 0x30;
    prefix[level * 4 + 1] = 0x82;
    prefix.writeUInt16BE((depth - level - 1) * 4 + 0x80 * 2, level * 4 + 2);
  }
  return Buffer.concat([prefix, Buffer.alloc(0x80 * 2)]);
};

describe('reading a certificate request', () => {
  let key: KeyObject;
  before(async () => {
    key = await makeKey();
  });

  it('takes what openssl makes, whatever its key', () => {
    const newkey = ['rsa:2048', 'ec -pkeyopt ec_paramgen_curve:P-384', 'ed25519'];
    for (const algorithm of newkey) {
      const command = `req -new -nodes -keyout /dev/null -subj /C=DE/O=x/CN=a.example -newkey ${algorithm} -addext subjectAltName=DNS:a.example,IP:10.0.0.1 -addext keyUsage=digitalSignature`;
      const pem = openssl(command.split(' '));
      const request = parseRequest(pem);
      assert.equal(request.subject.commonName, 'a.example');
      assert.deepEqual(request.altNames.ipAddresses, ['10.0.0.1']);
      assert.deepEqual(request.usages?.keyUsages, ['digitalSignature']);
    }
  });

  it('takes an RSASSA-PSS signature, and text around it', () => {
    const command =
      'req -new -nodes -keyout /dev/null -subj /CN=a -newkey rsa:2048 -text -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1';
    const pem = openssl(command.split(' '));
    assert.equal(parseRequest(pem).subject.commonName, 'a');
  });

  it('takes the label of old programs, other attributes, and no attributes', () => {
    const pem = forgeRequest(key, { extensions: [altNames] }).replaceAll(
      'CERTIFICATE REQ',
      'NEW CERTIFICATE REQ',
    );
    assert.deepEqual(parseRequest(pem).altNames.dnsNames, ['a.example']);
    const challengePassword = sequence(
      encodeOid('1.2.840.113549.1.9.7'),
      encode(0x31, encode(0x0c, Buffer.from('x'))),
    );
    parseRequest(
      forgeRequest(key, { attributes: encode(0xa0, challengePassword, extensionAttribute(altNames)) }),
    );
    parseRequest(forgeRequest(key, { attributes: Buffer.alloc(0) }));
  });

  it('names the extensions that no certificate will get', () => {
    const pem = forgeRequest(key, { extensions: [forgeExtension('1.2.3.4', sequence())] });
    assert.deepEqual(parseRequest(pem).otherExtensions, ['1.2.3.4']);
  });

  it('shows an IPv4 address that is written as IPv6 as what it is signed as', () => {
    const mapped = Buffer.from('00000000000000000000ffff0a600001', 'hex');
    const pem = forgeRequest(key, { extensions: [forgeAltName(0x87, mapped)] });
    assert.deepEqual(parseRequest(pem).altNames.ipAddresses, ['10.96.0.1']);
  });

  it('names the attributes that are not read', () => {
    const other = (oid: string): Buffer => sequence(encodeOid(oid), encode(0x31, sequence(altNames)));
    const attributes = encode(0xa0, other('1.3.6.1.4.1.311.2.1.14'), extensionAttribute(altNames));
    assert.deepEqual(parseRequest(forgeRequest(key, { attributes })).otherAttributes, [
      '1.3.6.1.4.1.311.2.1.14',
    ]);
    assert.deepEqual(parseRequest(forgeRequest(key, { extensions: [altNames] })).otherAttributes, []);
  });

  const hostile: Record<string, [PkiFailure, ForgedRequest | (() => ForgedRequest)]> = {
    'a wrong signature': ['bad-signature', { signature: Buffer.from('3006020101020101', 'hex') }],
    'no signature': ['bad-signature', { signature: Buffer.alloc(0) }],
    'a signature algorithm of another kind of key': [
      'bad-signature',
      { algorithm: sequence(encodeOid('1.2.840.113549.1.1.11'), encode(5)) },
    ],
    'a SHA-1 signature': ['unsupported', { algorithm: sequence(encodeOid('1.2.840.10045.4.1')) }],
    'parameters where ECDSA has none': [
      'unsupported',
      { algorithm: sequence(encodeOid('1.2.840.10045.4.3.2'), encode(5)) },
    ],
    'the key of somebody else': [
      'bad-signature',
      () => ({ publicKey: generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }) }),
    ],
    'a short RSA key': [
      'invalid-key',
      () => ({
        publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({
          type: 'spki',
          format: 'der',
        }),
      }),
    ],
    'an RSA key with an exponent of 2048 bits': [
      'invalid-key',
      () => ({ publicKey: rsaKeyWithExponent(255) }),
    ],
    'an RSA key of 32768 bits': ['invalid-key', () => ({ publicKey: hugeRsaKey() })],
    'a key off its curve': ['invalid-key', () => ({ publicKey: offCurve(key) })],
    'a key that is none': ['invalid-key', { publicKey: sequence() }],
    'version 2': ['unsupported', { version: smallInteger(1) }],
    'a version of 2^31': ['malformed', { version: Buffer.from('02050080000000', 'hex') }],
    'bytes after its end': ['malformed', { trailing: Buffer.of(0) }],
    'an extension twice': ['malformed', { extensions: [altNames, altNames] }],
    'two requests for extensions': [
      'malformed',
      { attributes: encode(0xa0, extensionAttribute(altNames), extensionAttribute()) },
    ],
    'an attribute with two lists of extensions': [
      'malformed',
      {
        attributes: encode(
          0xa0,
          sequence(encodeOid('1.2.840.113549.1.9.14'), encode(0x31, sequence(altNames), sequence(altNames))),
        ),
      },
    ],
    'a DNS name with a NUL': [
      'invalid-name',
      { extensions: [forgeAltName(0x82, 'good.example\0.evil.example')] },
    ],
    'a DNS name with a comma': ['invalid-name', { extensions: [forgeAltName(0x82, 'a,DNS:evil.example')] }],
    'a DNS name outside of ASCII': ['malformed', { extensions: [forgeAltName(0x82, 'ü.example')] }],
    'a URI with a line feed': ['invalid-name', { extensions: [forgeAltName(0x86, 'spiffe://td/a\nb')] }],
    'a URI that its parts could mean another by': [
      'invalid-name',
      { extensions: [forgeAltName(0x86, 'SPIFFE://td/a')] },
    ],
    'an IP address of 3 octets': ['malformed', { extensions: [forgeAltName(0x87, Buffer.of(1, 2, 3))] }],
    'no names in its names': ['malformed', { extensions: [forgeExtension('2.5.29.17', sequence())] }],
    'an otherName': ['unsupported', { extensions: [forgeAltName(0xa0, encodeOid('1.2.3'))] }],
    'a boolean that is neither': [
      'malformed',
      { extensions: [forgeExtension('1.2.3', sequence(), Buffer.from('010101', 'hex'))] },
    ],
    'a path length without being an authority': [
      'malformed',
      { extensions: [forgeExtension('2.5.29.19', sequence(smallInteger(1)))] },
    ],
    'a negative path length': [
      'malformed',
      {
        extensions: [
          forgeExtension('2.5.29.19', sequence(Buffer.from('0101ff', 'hex'), Buffer.from('0201ff', 'hex'))),
        ],
      },
    ],
    'an object identifier of 40 KB': [
      'malformed',
      { extensions: [sequence(encode(0x06, Buffer.alloc(40_000, 0x81)), octetString(sequence()))] },
    ],
    '10000 levels of nesting as its subject': ['malformed', () => ({ subject: nested(10_000) })],
    '10000 levels of nesting as its names': [
      'malformed',
      () => ({ extensions: [forgeExtension('2.5.29.17', nested(10_000))] }),
    ],
    '10000 levels of nesting as its key': ['invalid-key', () => ({ publicKey: nested(10_000) })],
    '5000 empty names': [
      'malformed',
      {
        extensions: [
          forgeExtension('2.5.29.17', sequence(...Array.from({ length: 5000 }, () => encode(0x82)))),
        ],
      },
    ],
  };

  // What Go, or programs as strict, fail to read would cost the whole certificate.
  const unread: Record<string, [PkiFailure, ForgedRequest | (() => ForgedRequest)]> = {
    'a compressed point as its key': ['invalid-key', () => ({ publicKey: pointForm(key, 'compressed') })],
    'a hybrid point as its key': ['invalid-key', () => ({ publicKey: pointForm(key, 'hybrid') })],
    'a curve by its parameters': ['invalid-key', () => ({ publicKey: explicitCurve(key) })],
    'an RSA key with an even exponent': [
      'invalid-key',
      () => ({ publicKey: rsaKeyWith(Buffer.of(1, 0, 0)) }),
    ],
    'a PrintableString of other characters': ['invalid-name', { subject: named(0x13, 'a_b') }],
    'a NumericString of letters': ['invalid-name', { subject: named(0x12, 'a') }],
    'a VisibleString': ['invalid-name', { subject: named(0x1a, 'a') }],
    'a UniversalString': ['invalid-name', { subject: named(0x1c, '\0\0\0a') }],
    'a BMPString with a surrogate': [
      'invalid-name',
      { subject: named(0x1e, Buffer.from('d83dde00', 'hex')) },
    ],
    'a BMPString with U+FFFF': ['invalid-name', { subject: named(0x1e, Buffer.from('ffff', 'hex')) }],
    'a number in its subject': ['invalid-name', { subject: named(0x02, Buffer.of(1), '1.2.3.4') }],
    'a type in its subject of more than 31 bits': [
      'invalid-name',
      { subject: named(0x0c, 'a', '1.2.2147483648') },
    ],
    'a URI with a port of letters': ['invalid-name', { extensions: [forgeAltName(0x86, 'https://a:b/')] }],
    'name constraints with a mask that has gaps': ['invalid-name', constrained(0x87, '0a000000ff00ff00')],
    'name constraints with an address of 5 octets': ['invalid-name', constrained(0x87, '0a000000ff')],
    'name constraints with a dot at their end': ['invalid-name', constrained(0x82, Buffer.from('a.'))],
    'name constraints with an empty label': ['invalid-name', constrained(0x81, Buffer.from('a..b'))],
    'name constraints with an address without a host': ['invalid-name', constrained(0x81, Buffer.from('a@'))],
    'name constraints with a URI of an address': ['invalid-name', constrained(0x86, Buffer.from('10.0.0.1'))],
    'name constraints that have nothing in them': [
      'invalid-name',
      { extensions: [forgeExtension('2.5.29.30', sequence())] },
    ],
  };

  it('takes every kind of text and of constraint that everybody reads', () => {
    for (const [type, content] of [
      [0x0c, 'ü 😀'],
      [0x13, "*.a & b (c) +,-./:=? 'd'"],
      [0x16, 'a@b_c'],
      [0x14, Buffer.of(0xe9)],
      [0x12, '1 2'],
      [0x1e, Buffer.from('00fc4e2d', 'hex')],
    ] as const)
      parseRequest(forgeRequest(key, { subject: named(type, content) }));
    for (const [type, base] of [
      [0x87, '0a000000ff000000'],
      [0x87, '00'.repeat(32)],
      [0x82, Buffer.from('.Example.com')],
      [0x82, Buffer.alloc(0)],
      [0x81, Buffer.from('root@example.com')],
      [0x86, Buffer.from('cluster.local')],
      [0xa4, named(0x0c, 'a')],
    ] as const)
      parseRequest(forgeRequest(key, constrained(type, base)));
  });

  for (const [problem, [reason, forged]] of Object.entries({ ...hostile, ...unread }))
    it(`refuses one with ${problem}, at once`, async () => {
      const pem = forgeRequest(key, typeof forged === 'function' ? forged() : forged);
      await assertLittleCpu(() => assert.throws(() => parseRequest(pem), failsWith(reason)));
    });

  it('passes over 10000 levels of nesting in an extension that nobody reads', () => {
    const value = nested(10_000);
    parseRequest(forgeRequest(key, { extensions: [forgeExtension('1.2.3.4', value)] }));
  });

  it('refuses by size before it decodes', async () => {
    const pem = await createRequest(workload, key);
    assert.throws(() => parseRequest(pem.padEnd(64 * 1024 + 1)), failsWith('too-large', /65537 .* 65536/));
    parseRequest(pem.padEnd(64 * 1024));
  });

  it('refuses two requests, and a certificate', async () => {
    const pem = await createRequest(workload, key);
    assert.throws(() => parseRequest(pem + pem), failsWith('malformed', /2 PEM blocks/));
    assert.throws(
      () => parseRequest(pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')),
      failsWith('malformed', /"CERTIFICATE" instead of "CERTIFICATE REQUEST"/),
    );
  });

  it('refuses every request that was cut off', () => {
    const der = forgeRequestDer(key, { extensions: [altNames] });
    for (let length = 1; length < der.length; length++)
      assert.throws(
        () => parseRequest(encodePem('CERTIFICATE REQUEST', der.subarray(0, length))),
        failsWith('malformed'),
      );
  });

  it('refuses every request in which one bit was turned', () => {
    const der = forgeRequestDer(key, { extensions: [altNames] });
    for (let bit = 0; bit < der.length * 8; bit += 3) {
      const turned = Buffer.from(der);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(
        () => parseRequest(encodePem('CERTIFICATE REQUEST', turned)),
        (error) => error instanceof Error && 'reason' in error,
        `bit ${bit}`,
      );
    }
  });

  it('reads or refuses any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (octets) =>
        returnsOrRefuses(() => parseRequest(encodePem('CERTIFICATE REQUEST', octets))),
      ),
    );
  });

  it('reads or refuses any change to a good one', () => {
    const der = forgeRequestDer(key, { extensions: [altNames] });
    const change = fc.tuple(fc.nat(der.length - 1), fc.nat(3), fc.uint8Array({ maxLength: 4 }));
    fc.assert(
      fc.property(change, ([at, removed, added]) => {
        const changed = Buffer.concat([der.subarray(0, at), Buffer.from(added), der.subarray(at + removed)]);
        return returnsOrRefuses(() => parseRequest(encodePem('CERTIFICATE REQUEST', changed)));
      }),
      { numRuns: 500 },
    );
  });
});

function rsaKeyWithExponent(octets: number): Buffer {
  return rsaKeyWith(Buffer.alloc(octets, 0xff));
}

function rsaKeyWith(exponent: Buffer): Buffer {
  const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
  const jwk = { kty: 'RSA', n: n ?? '', e: exponent.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
}

function hugeRsaKey(): Buffer {
  const jwk = { kty: 'RSA', n: Buffer.alloc(4096, 0xff).toString('base64url'), e: 'AQAB' };
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
}

function offCurve(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
  return der;
}

/** A subject of one attribute, by default the common name. */
function named(type: number, content: string | Buffer, oid = '2.5.4.3'): Buffer {
  return sequence(encode(0x31, sequence(encodeOid(oid), encode(type, Buffer.from(content)))));
}

/** A request with one permitted subtree; its base in hexadecimal where it is text here. */
function constrained(type: number, base: string | Buffer): ForgedRequest {
  const content = typeof base === 'string' ? Buffer.from(base, 'hex') : base;
  const value = sequence(encode(0xa0, sequence(encode(type, content))));
  return { extensions: [forgeExtension('2.5.29.30', value)] };
}

const [ecPublicKey, p256] = [encodeOid('1.2.840.10045.2.1'), encodeOid('1.2.840.10045.3.1.7')];

function pointOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-65);
}

function pointForm(key: KeyObject, form: 'compressed' | 'hybrid'): Buffer {
  const point = ECDH.convertKey(pointOf(key), 'prime256v1', undefined, undefined, form) as Buffer;
  return sequence(sequence(ecPublicKey, p256), octetAlignedBits(point));
}

/** P-256 with its field, coefficients, generator and order instead of its name. */
function explicitCurve(key: KeyObject): Buffer {
  const hex = (text: string): Buffer => Buffer.from(text, 'hex');
  const prime = hex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff');
  const a = hex('ffffffff00000001000000000000000000000000fffffffffffffffffffffffc');
  const b = hex('5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b');
  const order = hex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const generator = hex(
    '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
  );
  const parameters = sequence(
    smallInteger(1),
    sequence(encodeOid('1.2.840.10045.1.1'), unsignedInteger(prime)),
    sequence(octetString(a), octetString(b)),
    octetString(generator),
    unsignedInteger(order),
    smallInteger(1),
  );
  return sequence(sequence(ecPublicKey, parameters), octetAlignedBits(pointOf(key)));
}
