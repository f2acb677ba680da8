import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import {
  type AltNames,
  type Authority,
  type Certificate,
  encodePrivateKey,
  noAltNames,
  parseCertificate,
  type Subject,
  verifyChain,
} from '../../../../src/pki/index.ts';
import { makeKey, makeLeaf, now } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';
import { openssl } from '../support/openssl.ts';

/** An authority whose certificate has these constraints, in openssl's configuration language. */
async function makeConstrained(constraints: string, sections = ''): Promise<Authority> {
  const key = await makeKey();
  const config = `[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\nbasicConstraints=critical,CA:TRUE\nnameConstraints=critical,${constraints}\n${sections}`;
  const pem = openssl(
    ['req', '-x509', '-new', '-key', '@k', '-subj', '/CN=root', '-days', '36500', '-config', '@c'],
    {
      k: encodePrivateKey(key, 'SEC1'),
      c: config,
    },
  );
  const certificate = parseCertificate(pem);
  return { key, certificate: { ...certificate, notBefore: new Date(0) } };
}

type Case = readonly [allowed: boolean, names: Partial<AltNames>, subject?: Subject];

const cases: Record<string, readonly Case[]> = {
  'permitted;DNS:example.com': [
    [true, { dnsNames: ['example.com', 'a.b.EXAMPLE.com', '*.example.com'] }],
    [false, { dnsNames: ['example.com', 'notexample.com'] }],
    [false, { dnsNames: ['com'] }],
    [true, { uris: ['spiffe://elsewhere/a'] }],
  ],
  'excluded;DNS:secret.example.com': [
    [true, { dnsNames: ['example.com', 'a.example.com', '*.a.example.com'] }],
    [false, { dnsNames: ['SECRET.example.com'] }],
    [false, { dnsNames: ['a.secret.example.com'] }],
    // It stands for the excluded name.
    [false, { dnsNames: ['*.example.com'] }],
  ],
  'permitted;DNS:.example.com': [
    [true, { dnsNames: ['a.example.com'] }],
    [false, { dnsNames: ['example.com'] }],
  ],
  'permitted;URI:cluster.local': [
    [true, { uris: ['spiffe://cluster.local/ns/a/sa/b', 'https://user@CLUSTER.local:8443/'] }],
    [false, { uris: ['spiffe://sub.cluster.local/ns/a/sa/b'] }],
    [false, { uris: ['spiffe://evil.example/@cluster.local'] }],
    [false, { uris: ['https://cluster.local@evil.example/'] }],
    [false, { uris: ['urn:no:host'] }],
    [false, { uris: ['https://10.0.0.1/'] }],
    [false, { uris: ['https://[::1]/'] }],
  ],
  'excluded;URI:.evil.example': [
    [true, { uris: ['https://evil.example/'] }],
    [false, { uris: ['https://very.evil.example/'] }],
  ],
  'permitted;IP:10.0.0.0/255.0.0.0': [
    [true, { ipAddresses: ['10.1.2.3'] }],
    [false, { ipAddresses: ['11.1.2.3'] }],
    [false, { ipAddresses: ['::1'] }],
  ],
  'excluded;IP:2001:db8::/ffff:ffff::': [
    [true, { ipAddresses: ['2001:db9::1', '10.0.0.1'] }],
    [false, { ipAddresses: ['2001:db8:1::1'] }],
  ],
  'permitted;email:example.com': [
    [true, { emailAddresses: ['a@example.com'] }],
    [false, { emailAddresses: ['a@b.example.com'] }],
  ],
  'permitted;email:.example.com': [[true, { emailAddresses: ['a@b.example.com'] }]],
  'excluded;email:root@example.com': [
    [true, { emailAddresses: ['a@example.com'] }],
    [false, { emailAddresses: ['root@EXAMPLE.com'] }],
  ],
  'permitted;dirName:allowed': [
    [
      true,
      { dnsNames: ['a.example'] },
      { countries: ['DE'], organizations: ['example  LTD'], commonName: 'a' },
    ],
    [false, { dnsNames: ['a.example'] }, { countries: ['DE'], organizations: ['Other'] }],
    [false, { dnsNames: ['a.example'] }, { countries: ['DE'] }],
    [true, { dnsNames: ['a.example'] }, {}],
  ],
};
const sections = '[allowed]\nC=DE\nO=Example Ltd\n';

for (const [constraints, list] of Object.entries(cases)) {
  describe(`an authority with the constraint ${constraints}`, () => {
    let authority: Authority;
    before(async () => {
      authority = await makeConstrained(constraints, sections);
    });
    for (const [allowed, names, subject] of list)
      it(`${allowed ? 'may' : 'may not'} issue to ${JSON.stringify([names, subject])}`, async () => {
        const { certificate } = await makeLeaf(authority, {
          altNames: { ...noAltNames, ...names },
          subject: subject ?? {},
        });
        const verify = () => verifyChain([certificate], [authority.certificate], now);
        if (allowed) verify();
        else assert.throws(verify, failsWith('not-an-authority'));
      });
  });
}

describe('name constraints', () => {
  it('exclude every name of a kind when they are empty', async () => {
    const authority = await makeConstrained('permitted;IP:10.0.0.0/255.0.0.0');
    const nameConstraints = sequence(encode(0xa1, sequence(encode(0x82))));
    const { certificate } = await makeLeaf(authority, {
      altNames: { ...noAltNames, dnsNames: ['a.example'] },
    });
    const verify = (excluding: Certificate) => verifyChain([certificate], [excluding], now);
    verify(authority.certificate);
    assert.throws(
      () => verify({ ...authority.certificate, nameConstraints }),
      failsWith('not-an-authority', /excluded/),
    );
  });

  it('of kinds that are not understood refuse everything', async () => {
    const authority = await makeConstrained('excluded;otherName:1.2.3;UTF8:x');
    const { certificate } = await makeLeaf(authority);
    assert.throws(
      () => verifyChain([certificate], [authority.certificate], now),
      failsWith('not-an-authority', /kind/),
    );
  });

  it('refuse names of kinds that are not decoded', async () => {
    const authority = await makeConstrained('permitted;DNS:example.com');
    const { certificate } = await makeLeaf(authority);
    const other = { ...certificate, altNames: { ...certificate.altNames, otherKinds: ['otherName'] } };
    assert.throws(
      () => verifyChain([other], [authority.certificate], now),
      failsWith('not-an-authority', /otherName/),
    );
  });
});
