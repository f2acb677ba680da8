import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  type Authority,
  type CertificateTemplate,
  checkX509Svid,
  encodePrivateKey,
  noAltNames,
  parseCertificate,
  publicKeyOf,
  samePublicKey,
  selfSignCertificate,
  signCertificate,
  validityFrom,
  verifyChain,
} from '../../../../src/pki/index.ts';
import { decodePublicKey } from '../../../../src/pki/keys/encode-key.ts';
import {
  allKeySpecs,
  authorityTemplate,
  describeSpec,
  hour,
  leafTemplate,
  makeKey,
  makeLeaf,
  makeRoot,
  now,
} from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';
import { describePem, openssl } from '../support/openssl.ts';

const opensslTime = String(now.getTime() / 1000);
const opensslVerify = (root: string, leaf: string) =>
  openssl(['verify', '-x509_strict', '-attime', opensslTime, '-CAfile', '@root.pem', '@leaf.pem'], {
    'root.pem': root,
    'leaf.pem': leaf,
  });

const signatureOf: Record<string, string> = {
  'RSA 2048': 'sha256WithRSAEncryption',
  'RSA 3072': 'sha384WithRSAEncryption',
  'RSA 4096': 'sha512WithRSAEncryption',
  'RSA 8192': 'sha512WithRSAEncryption',
  'ECDSA 256': 'ecdsa-with-SHA256',
  'ECDSA 384': 'ecdsa-with-SHA384',
  'ECDSA 521': 'ecdsa-with-SHA512',
  Ed25519: 'ED25519',
};

describe('signing a certificate', () => {
  let root: Authority;
  before(async () => {
    root = await makeRoot();
  });
  const signLeaf = async (changes: Partial<CertificateTemplate> = {}) => makeLeaf(root, changes);

  for (const spec of allKeySpecs)
    it(`with an authority's key ${describeSpec(spec)} is verified by openssl, Node and ourselves`, async () => {
      const authority = await makeRoot('root', {}, spec);
      const { certificate } = await makeLeaf(authority);
      opensslVerify(authority.certificate.pem, certificate.pem);
      verifyChain([certificate], [authority.certificate], now);
      const native = new X509Certificate(certificate.pem);
      assert.ok(native.verify(authority.certificate.publicKey));
      assert.ok(native.checkIssued(new X509Certificate(authority.certificate.pem)));
      assert.match(
        describePem('x509', certificate.pem),
        new RegExp(`Signature Algorithm: ${signatureOf[describeSpec(spec)]} `),
      );
    });

  for (const spec of allKeySpecs)
    it(`for a key ${describeSpec(spec)} is read by openssl as a certificate of that key`, async () => {
      const key = await makeKey(spec);
      const { certificate } = await signLeaf({ publicKey: publicKeyOf(key) });
      assert.ok(samePublicKey(certificate.publicKey, key));
      const theirs = openssl(['x509', '-in', '@c', '-noout', '-pubkey'], { c: certificate.pem });
      assert.equal(theirs, openssl(['pkey', '-in', '@k', '-pubout'], { k: encodePrivateKey(key, 'PKCS8') }));
    });

  for (const curve of ['brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1', 'secp256k1'])
    it(`with an authority's key on ${curve}`, async () => {
      const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: curve });
      // Keys on these curves sign, but nobody gets a certificate for one, so openssl makes the authority's.
      const pem = openssl(['req', '-x509', '-new', '-key', '@k', '-subj', '/CN=root', '-days', '3650'], {
        k: encodePrivateKey(key, 'SEC1'),
      });
      const certificate = parseCertificate(pem);
      const leaf = await makeLeaf(
        { key, certificate },
        { notBefore: certificate.notBefore, notAfter: certificate.notAfter },
      );
      openssl(['verify', '-CAfile', '@root', '@leaf'], { root: pem, leaf: leaf.certificate.pem });
      verifyChain([leaf.certificate], [certificate], certificate.notBefore);
    });

  it('writes everything that RFC 5280 asks of a leaf', async () => {
    const { certificate } = await signLeaf();
    const text = describePem('x509', certificate.pem);
    assert.match(text, /Version: 3/);
    assert.match(text, /Key Usage: critical Digital Signature X509v3/);
    assert.match(text, /Basic Constraints: critical CA:FALSE/);
    assert.match(text, /Subject Key Identifier: /);
    assert.match(text, /Subject Alternative Name: critical URI:spiffe:/);
    assert.equal(certificate.authorityKeyId, root.certificate.subjectKeyId);
    assert.deepEqual(certificate.issuer.raw, root.certificate.subject.raw);
    assert.equal(certificate.subjectKeyId?.length, 40);
    checkX509Svid(certificate);
  });

  it('makes the subject alternative name critical exactly when the subject is empty', async () => {
    assert.equal((await signLeaf()).certificate.sanCritical, true);
    assert.equal((await signLeaf({ subject: { commonName: 'a' } })).certificate.sanCritical, false);
  });

  it('writes where to get revocation lists, answers and the issuer', async () => {
    const { certificate } = await signLeaf({
      crlDistributionPoints: ['http://crl.example/a', 'http://crl.example/b'],
      ocspServers: ['http://ocsp.example'],
      issuingCertificateUrls: ['http://ca.example/ca.der'],
    });
    const text = describePem('x509', certificate.pem);
    assert.match(
      text,
      /CRL Distribution Points: Full Name: URI:http:\/\/crl\.example\/a Full Name: URI:http:\/\/crl\.example\/b/,
    );
    assert.match(text, /OCSP - URI:http:\/\/ocsp\.example CA Issuers - URI:http:\/\/ca\.example\/ca\.der/);
    opensslVerify(root.certificate.pem, certificate.pem);
    await assert.rejects(signLeaf({ ocspServers: ['no url'] }), failsWith('invalid-name'));
  });

  it('writes critical constraints and usages into an authority, with its path length', async () => {
    for (const pathLength of [0, 3, 127, undefined]) {
      const { certificate } = await makeRoot('root', pathLength === undefined ? {} : { pathLength });
      assert.equal(certificate.pathLength, pathLength);
      const expected = pathLength === undefined ? 'CA:TRUE' : `CA:TRUE, pathlen:${pathLength}`;
      const text = describePem('x509', certificate.pem);
      assert.match(
        text,
        new RegExp(
          `Key Usage: critical Certificate Sign, CRL Sign X509v3 Basic Constraints: critical ${expected} `,
        ),
      );
    }
  });

  it('gives every certificate a positive random serial number of 128 bits', async () => {
    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => (await signLeaf()).certificate.serialNumber),
    );
    assert.equal(new Set(serials).size, 20);
    for (const serial of serials) assert.match(serial, /^[0-9a-f]{26,32}$/);
    for (const [random, serial] of [
      ['ff'.repeat(16), 'ff'.repeat(16)],
      ['00'.repeat(16), '01'],
      [`0000${'7f'.repeat(14)}`, '7f'.repeat(14)],
    ] as const) {
      const key = await makeKey();
      const dependencies = { randomBytes: () => Buffer.from(random, 'hex') };
      const certificate = parseCertificate(await signCertificate(leafTemplate(key), root, dependencies));
      assert.equal(certificate.serialNumber, serial);
      assert.equal(new X509Certificate(certificate.pem).serialNumber.toLowerCase().padStart(2, '0'), serial);
    }
  });

  it('keeps the times to the second, also after 2049', async () => {
    const long = await makeRoot('root', {
      notBefore: new Date('2026-01-01T00:00:00.9Z'),
      notAfter: new Date('2060-01-01T00:00:00.9Z'),
    });
    assert.equal(long.certificate.notBefore.toISOString(), '2026-01-01T00:00:00.000Z');
    assert.equal(long.certificate.notAfter.toISOString(), '2060-01-01T00:00:00.000Z');
    assert.match(describePem('x509', long.certificate.pem), /Not After : Jan 1 00:00:00 2060 GMT/);
  });

  for (const [what, lifetime, from, to] of [
    ['a minute', 3_600_000, '2026-01-01T00:00:00.000Z', '2026-01-01T01:00:00.000Z'],
    ['a tenth of what is short', 60_000, '2026-01-01T00:00:54.000Z', '2026-01-01T00:01:54.000Z'],
  ] as const)
    it(`backdates by ${what}, and lives no longer for it`, () => {
      const { notAfter, notBefore } = validityFrom(new Date('2026-01-01T00:01:00Z'), lifetime);
      assert.deepEqual([notBefore.toISOString(), notAfter.toISOString()], [from, to]);
    });

  it('never makes a certificate that lives outside of its issuer', async () => {
    const { certificate } = await signLeaf({
      notBefore: new Date(0),
      notAfter: new Date('2100-01-01T00:00:00Z'),
    });
    assert.deepEqual(certificate.notBefore, root.certificate.notBefore);
    assert.deepEqual(certificate.notAfter, root.certificate.notAfter);
  });

  it('makes one of full length below an issuer that is younger than what is backdated', async () => {
    const from = new Date(now.getTime() - 10_000);
    const young = await makeRoot('root', { notBefore: from });
    const { certificate } = await makeLeaf(young, validityFrom(now, hour));
    assert.deepEqual(certificate.notBefore, from);
    assert.equal(certificate.notAfter.getTime() - from.getTime(), hour);
    const short = await makeRoot('root', {
      notBefore: from,
      notAfter: new Date(now.getTime() + hour - 20_000),
    });
    const cut = (await makeLeaf(short, validityFrom(now, hour))).certificate;
    assert.deepEqual([cut.notBefore, cut.notAfter], [from, short.certificate.notAfter]);
  });

  it('refuses when the issuer has expired', async () => {
    const expired = await makeRoot('root', { notAfter: new Date(now.getTime() - 1) });
    await assert.rejects(makeLeaf(expired), failsWith('invalid-template', /issuer/));
  });

  for (const [problem, reason, changes] of [
    ['a lifetime of nothing', 'invalid-template', { notAfter: new Date(now.getTime() + 999) }],
    ['a negative lifetime', 'invalid-template', { notAfter: new Date(now.getTime() - hour) }],
    ['no name at all', 'invalid-template', { altNames: noAltNames }],
    ['a path length for a leaf', 'invalid-template', { pathLength: 0 }],
    [
      'a leaf that signs certificates',
      'invalid-template',
      { usages: { keyUsages: ['keyCertSign'], extendedKeyUsages: [] } },
    ],
    ['an authority without a subject', 'invalid-template', { isCA: true }],
    [
      'a path length of 200',
      'invalid-template',
      { isCA: true, subject: { commonName: 'a' }, pathLength: 200 },
    ],
    [
      'a path length of one half',
      'invalid-template',
      { isCA: true, subject: { commonName: 'a' }, pathLength: 0.5 },
    ],
    [
      'a short key',
      'invalid-key',
      { publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey },
    ],
    ['a name outside of ASCII', 'invalid-name', { altNames: { ...noAltNames, dnsNames: ['ü'] } }],
    ['an invalid date', 'invalid-template', { notBefore: new Date(Number.NaN) }],
  ] as const)
    it(`refuses ${problem}`, async () => {
      await assert.rejects(signLeaf(changes), failsWith(reason));
    });

  it('refuses an issuer that may not sign', async () => {
    const key = await makeKey();
    const refused = async (issuer: Authority, message: RegExp, template = leafTemplate(key)) =>
      assert.rejects(signCertificate(template, issuer), failsWith('not-an-authority', message));
    await refused(await signLeaf(), /not one of an authority/);
    await refused(
      await makeRoot('root', { usages: { keyUsages: ['cRLSign'], extendedKeyUsages: [] } }),
      /keyCertSign/,
    );
    await refused({ ...root, key }, /another key/);
    const last = await makeRoot('root', { pathLength: 0 });
    await refused(last, /path length is 0/, authorityTemplate('below', key));
    await signCertificate(leafTemplate(key), last);
  });

  it('takes an issuer without key identifier and key usages, as old ones are', async () => {
    const config =
      '[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\nbasicConstraints=CA:TRUE\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n';
    const pem = openssl(
      ['req', '-x509', '-new', '-key', '@k', '-subj', '/CN=old', '-days', '36500', '-config', '@c'],
      {
        k: encodePrivateKey(root.key, 'SEC1'),
        c: config,
      },
    );
    const old = { key: root.key, certificate: parseCertificate(pem) };
    assert.equal(old.certificate.subjectKeyId, undefined);
    const { notBefore, notAfter } = old.certificate;
    const leaf = await makeLeaf(old, { notBefore, notAfter });
    assert.ok(leaf.certificate.authorityKeyId);
    openssl(['verify', '-CAfile', '@root', '@leaf'], { root: pem, leaf: leaf.certificate.pem });
  });

  it('signs itself, only with the key that is in it', async () => {
    const key = await makeKey();
    const certificate = parseCertificate(await selfSignCertificate(leafTemplate(key), key));
    assert.ok(new X509Certificate(certificate.pem).verify(publicKeyOf(key)));
    assert.equal(certificate.authorityKeyId, undefined);
    await assert.rejects(
      selfSignCertificate(leafTemplate(key), root.key),
      failsWith('invalid-template', /own|public key/),
    );
  });
});

describe('reading a public key', () => {
  it('refuses what is none', () => {
    assert.throws(() => decodePublicKey(Buffer.of(0x30, 0)), failsWith('invalid-key'));
  });
});
