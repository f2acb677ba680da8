import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createRequest,
  noAltNames,
  parseRequest,
  type RequestTemplate,
  samePublicKey,
} from '../../../../src/pki/index.ts';
import { allKeySpecs, describeSpec, makeKey, workload } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';
import { describePem, openssl } from '../support/openssl.ts';

const full: RequestTemplate = {
  subject: { commonName: 'api.web.svc', organizations: ['Müller'], countries: ['DE'] },
  altNames: {
    dnsNames: ['api.web.svc', '*.api.web.svc'],
    ipAddresses: ['10.0.0.1', '2001:db8::1'],
    uris: ['spiffe://cluster.local/ns/web/sa/api'],
    emailAddresses: ['ops@web.example'],
  },
  usages: {
    keyUsages: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsages: ['serverAuth', 'clientAuth'],
  },
  isCA: false,
};

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

describe('a certificate request', () => {
  for (const spec of allKeySpecs)
    it(`with a key ${describeSpec(spec)} is verified by openssl, and comes back`, async () => {
      const key = await makeKey(spec);
      const pem = await createRequest(full, key);
      openssl(['req', '-in', '@csr.pem', '-verify', '-noout'], { 'csr.pem': pem });
      assert.match(
        describePem('req', pem),
        new RegExp(`Signature Algorithm: ${signatureOf[describeSpec(spec)]} `),
      );
      const parsed = parseRequest(pem);
      assert.ok(samePublicKey(parsed.publicKey, key));
      assert.deepEqual(parsed.altNames, { ...full.altNames, otherKinds: [] });
    });

  it('has everything that was asked for, as openssl shows it', async () => {
    const text = describePem('req', await createRequest(full, await makeKey()));
    assert.match(text, /Subject: C = DE, O = M\\C3\\BCller, CN = api\.web\.svc /);
    assert.match(text, /X509v3 Key Usage: critical Digital Signature, Key Encipherment X509v3/);
    assert.match(
      text,
      /X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication/,
    );
    assert.match(text, /X509v3 Basic Constraints: critical CA:FALSE/);
    assert.match(
      text,
      /X509v3 Subject Alternative Name: DNS:api\.web\.svc, DNS:\*\.api\.web\.svc, email:ops@web\.example, IP Address:10\.0\.0\.1, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe:\/\/cluster\.local\/ns\/web\/sa\/api/,
    );
  });

  it('has a critical subject alternative name exactly when its subject is empty', async () => {
    const key = await makeKey();
    const withoutSubject = await createRequest(workload, key);
    assert.match(
      describePem('req', withoutSubject),
      /Subject: Subject .* Subject Alternative Name: critical URI/,
    );
    assert.equal(parseRequest(withoutSubject).sanCritical, true);
    const withSubject = await createRequest({ ...workload, subject: { commonName: 'a' } }, key);
    assert.equal(parseRequest(withSubject).sanCritical, false);
  });

  it('leaves out what was not asked for', async () => {
    const pem = await createRequest({ subject: { commonName: 'a' }, altNames: noAltNames }, await makeKey());
    assert.doesNotMatch(describePem('req', pem), /X509v3/);
    const parsed = parseRequest(pem);
    assert.deepEqual([parsed.usages, parsed.isCA, parsed.otherExtensions], [undefined, undefined, []]);
  });

  it('asks to be an authority', async () => {
    const pem = await createRequest(
      { subject: { commonName: 'ca' }, altNames: noAltNames, isCA: true },
      await makeKey(),
    );
    assert.match(describePem('req', pem), /Basic Constraints: critical CA:TRUE/);
    assert.equal(parseRequest(pem).isCA, true);
  });

  it('carries a subject over unchanged', async () => {
    const key = await makeKey();
    const { subject } = parseRequest(await createRequest(full, key));
    assert.ok(subject.raw);
    const again = parseRequest(await createRequest({ ...full, subject: { raw: subject.raw } }, key));
    assert.deepEqual(again.subject, subject);
  });

  it('is not made of names that it cannot carry', async () => {
    const altNames = { ...noAltNames, dnsNames: ['bücher.example'] };
    await assert.rejects(
      createRequest({ ...full, altNames }, await makeKey()),
      failsWith('invalid-name', /ASCII/),
    );
    const raw = Buffer.from('3103', 'hex');
    await assert.rejects(
      createRequest({ ...full, subject: { raw } }, await makeKey()),
      failsWith('malformed'),
    );
  });
});
