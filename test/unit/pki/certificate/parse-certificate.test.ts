import assert from 'node:assert/strict';
import { type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, existsSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { encode, octetString, sequence, smallInteger } from '../../../../src/pki/der/writer.ts';
import {
  decodeCertificate,
  decodePem,
  encodePem,
  fingerprint,
  parseCertificate,
  parseChain,
  PkiError,
  publicKeyFingerprint,
} from '../../../../src/pki/index.ts';
import { makeKey, makeLeaf, makeRoot } from '../support/builders.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';
import { type ForgedCertificate, forgeAltName, forgeCertificate, forgeExtension } from '../support/forge.ts';
import { assertLittleCpu } from '../../../support/cpu-time.ts';

const extensions = (...list: readonly Buffer[]): Buffer => encode(0xa3, sequence(...list));
const subjectAltName = forgeAltName(0x82, 'a.example');

describe('reading a certificate', () => {
  let key: KeyObject;
  before(async () => {
    key = await makeKey();
  });

  it('says what Node says', async () => {
    const { certificate } = await makeLeaf(await makeRoot());
    const native = new X509Certificate(certificate.pem);
    assert.equal(certificate.serialNumber, native.serialNumber.toLowerCase());
    assert.deepEqual(certificate.notBefore, native.validFromDate);
    assert.deepEqual(certificate.notAfter, native.validToDate);
    assert.equal(certificate.isCA, native.ca);
    assert.ok(certificate.publicKey.equals(native.publicKey));
    assert.deepEqual(certificate.der, native.raw);
    assert.equal(native.subjectAltName, `URI:${certificate.altNames.uris[0]}`);
    assert.equal(fingerprint(certificate.der), native.fingerprint256.replaceAll(':', '').toLowerCase());
    assert.match(publicKeyFingerprint(certificate.publicKey), /^[0-9a-f]{64}$/);
  });

  it('gives its PEM anew, without what stood around it', async () => {
    const { certificate } = await makeRoot();
    const read = parseCertificate(`# the root\n${certificate.pem.replaceAll('\n', '\r\n')}\n`);
    assert.equal(read.pem, certificate.pem);
  });

  it('keeps the order of a chain', async () => {
    const root = await makeRoot();
    const leaf = await makeLeaf(root);
    const chain = parseChain(`leaf\n${leaf.certificate.pem}\nroot\n${root.certificate.pem}`);
    assert.deepEqual(
      chain.map(({ isCA }) => isCA),
      [false, true],
    );
  });

  it(
    'reads every public root on this machine, and says what Node says',
    { skip: !existsSync('/etc/ssl/certs/ca-certificates.crt') },
    () => {
      const pem = readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8');
      for (const certificate of parseChain(pem)) {
        const native = new X509Certificate(certificate.der);
        assert.equal(
          certificate.serialNumber.replace(/^0+/, ''),
          native.serialNumber.toLowerCase().replace(/^0+/, ''),
        );
        assert.deepEqual(certificate.notAfter, native.validToDate);
        assert.equal(certificate.isCA, native.ca);
        assert.ok(certificate.publicKey.equals(native.publicKey));
      }
    },
  );

  it('takes versions 1 and 2, other kinds of names, and unknown extensions', () => {
    assert.equal(parseCertificate(forgeCertificate(key, { version: Buffer.alloc(0) })).isCA, false);
    parseCertificate(forgeCertificate(key, { version: encode(0xa0, smallInteger(1)) }));
    const critical = Buffer.from('0101ff', 'hex');
    const certificate = parseCertificate(
      forgeCertificate(key, {
        extensions: extensions(
          forgeAltName(0xa0, encodeOid('1.2.3')),
          forgeExtension('1.2.3', sequence()),
          forgeExtension('1.2.4', sequence(), critical),
        ),
      }),
    );
    assert.deepEqual(certificate.altNames.otherKinds, ['otherName']);
    assert.deepEqual(certificate.unknownCriticalExtensions, ['1.2.4']);
  });

  const hostile: Record<string, ForgedCertificate> = {
    'an extension twice': { extensions: extensions(subjectAltName, subjectAltName) },
    'a name that cannot be decoded': { extensions: extensions(forgeAltName(0x82, Buffer.of(0xff))) },
    'extensions in version 1': { version: Buffer.alloc(0), extensions: extensions(subjectAltName) },
    'two lists of extensions': {
      extensions: encode(0xa3, sequence(subjectAltName), sequence(subjectAltName)),
    },
    'two signature algorithms': { innerAlgorithm: sequence(encodeOid('1.2.840.10045.4.3.3')) },
    'a negative serial number': { serialNumber: Buffer.from('0201ff', 'hex') },
    'a padded serial number': { serialNumber: Buffer.from('02020001', 'hex') },
    'a serial number of 21 octets': { serialNumber: encode(0x02, Buffer.alloc(21, 1)) },
    'a serial number of 40 KB': { serialNumber: encode(0x02, Buffer.alloc(40_000, 1)) },
    'a date that does not exist': {
      validity: sequence(
        encode(0x17, Buffer.from('260231000000Z')),
        encode(0x17, Buffer.from('270101000000Z')),
      ),
    },
    'three dates': {
      validity: sequence(
        ...['26', '27', '28'].map((year) => encode(0x17, Buffer.from(`${year}0101000000Z`))),
      ),
    },
    'a key identifier that is none': { extensions: extensions(forgeExtension('2.5.29.14', sequence())) },
    'a value after its key identifier': {
      extensions: extensions(
        forgeExtension('2.5.29.14', Buffer.concat([octetString(Buffer.of(1)), Buffer.of(5, 0)])),
      ),
    },
    'a version of 4 octets': { version: encode(0xa0, Buffer.from('0205000000ffff', 'hex')) },
  };
  for (const [problem, forged] of Object.entries(hostile))
    it(`refuses one with ${problem}`, () => {
      assert.throws(() => parseCertificate(forgeCertificate(key, forged)), failsWith('malformed'));
    });

  it('refuses one of version 4', () => {
    const pem = forgeCertificate(key, { version: encode(0xa0, smallInteger(3)) });
    assert.throws(() => parseCertificate(pem), failsWith('unsupported', /version 4/));
  });

  it('refuses by size before it decodes', async () => {
    const { certificate } = await makeRoot();
    assert.throws(() => parseCertificate(certificate.pem.padEnd(64 * 1024 + 1)), failsWith('too-large'));
    assert.throws(() => parseChain(certificate.pem.padEnd(1024 * 1024 + 1)), failsWith('too-large'));
    assert.throws(() => decodeCertificate(Buffer.alloc(64 * 1024 + 1)), failsWith('too-large'));
  });

  it('refuses two where one is asked for, and other blocks in a chain', async () => {
    const { certificate, key: secret } = await makeRoot();
    assert.throws(
      () => parseCertificate(certificate.pem + certificate.pem),
      failsWith('malformed', /2 PEM blocks/),
    );
    const other = encodePem('PRIVATE KEY', secret.export({ type: 'pkcs8', format: 'der' }));
    assert.throws(() => parseChain(certificate.pem + other), failsWith('malformed', /"PRIVATE KEY"/));
  });

  it('reads a mebibyte of certificates in little time', async () => {
    const { certificate } = await makeRoot();
    const pem = certificate.pem.repeat(Math.floor((1024 * 1024) / certificate.pem.length));
    await assertLittleCpu(() => assert.ok(parseChain(pem).length > 1000), 10_000);
  });

  it('refuses every one that was cut off, and reads or refuses any change', async () => {
    const { certificate } = await makeLeaf(await makeRoot());
    for (let length = 1; length < certificate.der.length; length += 3)
      assert.throws(() => decodeCertificate(certificate.der.subarray(0, length)), PkiError);
    const change = fc.tuple(fc.nat(certificate.der.length - 1), fc.nat(3), fc.uint8Array({ maxLength: 4 }));
    fc.assert(
      fc.property(change, ([at, removed, added]) => {
        const { der } = certificate;
        const changed = Buffer.concat([der.subarray(0, at), Buffer.from(added), der.subarray(at + removed)]);
        return returnsOrRefuses(() => decodeCertificate(changed));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps no more in memory than the certificate', async () => {
    const { certificate } = await makeRoot();
    const [block] = decodePem(certificate.pem, 'it', 10_000);
    assert.equal(block?.der.buffer.byteLength, block?.der.length);
  });
});
