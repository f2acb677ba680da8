import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  type Authority,
  type Certificate,
  type CertificateTemplate,
  checkX509Svid,
  checkX509SvidAuthority,
  noAltNames,
  type PkiFailure,
} from '../../../../src/pki/index.ts';
import { makeLeaf, makeRoot } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';

const uri = 'spiffe://cluster.local/ns/web/sa/api';
const id = { trustDomain: 'cluster.local', path: '/ns/web/sa/api' };

describe('an X.509-SVID', () => {
  let root: Authority;
  before(async () => {
    root = await makeRoot();
  });
  const leaf = async (changes: Partial<CertificateTemplate> = {}): Promise<Certificate> =>
    (await makeLeaf(root, changes)).certificate;

  it('gives the identity that it carries', async () => {
    assert.deepEqual(checkX509Svid(await leaf()), id);
  });

  for (const [kind, changes] of Object.entries<Partial<CertificateTemplate>>({
    'a subject': { subject: { commonName: 'api' } },
    'names of other kinds': {
      altNames: { ...noAltNames, uris: [uri], dnsNames: ['api.web.svc'], ipAddresses: ['10.0.0.1'] },
    },
    'no extended key usage': { usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: [] } },
    'more usages': {
      usages: {
        keyUsages: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
        extendedKeyUsages: ['serverAuth', 'clientAuth', 'codeSigning'],
      },
    },
  }))
    it(`may have ${kind}`, async () => {
      assert.deepEqual(checkX509Svid(await leaf(changes)), id);
    });

  const usages = (
    keyUsages: CertificateTemplate['usages']['keyUsages'],
    ...extendedKeyUsages: CertificateTemplate['usages']['extendedKeyUsages']
  ) => ({
    usages: { keyUsages, extendedKeyUsages },
  });
  for (const [problem, changes, message, reason = 'invalid-svid'] of [
    ['no URI', { altNames: { ...noAltNames, dnsNames: ['a'] } }, /0 URI names/],
    ['two URIs', { altNames: { ...noAltNames, uris: [uri, 'https://a.example'] } }, /2 URI names/],
    ['the same URI twice', { altNames: { ...noAltNames, uris: [uri, uri] } }, /2 URI names/],
    [
      'a URI that is no SPIFFE ID',
      { altNames: { ...noAltNames, uris: ['https://a/b'] } },
      /spiffe:/,
      'invalid-spiffe-id',
    ],
    [
      'the SPIFFE ID of a trust domain',
      { altNames: { ...noAltNames, uris: ['spiffe://cluster.local'] } },
      /no path/,
    ],
    [
      'capitals in the trust domain',
      { altNames: { ...noAltNames, uris: ['spiffe://Cluster.local/ns/web/sa/api'] } },
      /capitals/,
    ],
    ['no key usages', usages([], 'serverAuth', 'clientAuth'), /no key usage extension/],
    ['no digitalSignature', usages(['keyEncipherment'], 'serverAuth', 'clientAuth'), /digitalSignature/],
    ['cRLSign', usages(['digitalSignature', 'cRLSign'], 'serverAuth', 'clientAuth'), /cRLSign/],
    ['serverAuth only', usages(['digitalSignature'], 'serverAuth'), /clientAuth/],
    ['clientAuth only', usages(['digitalSignature'], 'clientAuth'), /serverAuth/],
    ['neither of them', usages(['digitalSignature'], 'codeSigning'), /serverAuth/],
    ['the flag of an authority', { subject: { commonName: 'a' }, isCA: true }, /authority/],
  ] as [string, Partial<CertificateTemplate>, RegExp, PkiFailure?][])
    it(`is not one with ${problem}`, async () => {
      const certificate = await leaf(changes);
      assert.throws(() => checkX509Svid(certificate), failsWith(reason, message));
    });

  it('is not one with what we would not sign', async () => {
    const good = await leaf();
    const { keyUsages = [], extendedKeyUsages = [] } = good.usages ?? {};
    const bad = (changes: Partial<Certificate>, message: RegExp) =>
      assert.throws(() => checkX509Svid({ ...good, ...changes }), failsWith('invalid-svid', message));
    bad({ sanCritical: false }, /not critical/);
    bad({ keyUsageCritical: false }, /key usage extension is not critical/);
    bad(
      { usages: { keyUsages: [...keyUsages, 'keyCertSign'], extendedKeyUsages, otherExtendedKeyUsages: [] } },
      /keyCertSign/,
    );
    bad({ usages: { keyUsages, extendedKeyUsages: [], otherExtendedKeyUsages: ['1.2.3'] } }, /serverAuth/);
  });
});

describe('an authority of X.509-SVIDs', () => {
  const check = async (changes: Partial<CertificateTemplate> = {}) =>
    checkX509SvidAuthority((await makeRoot('root', changes)).certificate);

  it('may have the SPIFFE ID of its trust domain, or none', async () => {
    assert.equal(await check(), undefined);
    assert.deepEqual(await check({ altNames: { ...noAltNames, uris: ['spiffe://cluster.local'] } }), {
      trustDomain: 'cluster.local',
      path: '',
    });
  });

  it('has no SPIFFE ID with a path, no second URI, and may sign certificates', async () => {
    await assert.rejects(
      check({ altNames: { ...noAltNames, uris: [uri] } }),
      failsWith('invalid-svid', /path/),
    );
    await assert.rejects(
      check({ altNames: { ...noAltNames, uris: ['spiffe://a', 'spiffe://b'] } }),
      failsWith('invalid-svid', /2 URI/),
    );
    await assert.rejects(
      check({ usages: { keyUsages: ['cRLSign'], extendedKeyUsages: [] } }),
      failsWith('invalid-svid', /keyCertSign/),
    );
    const { certificate } = await makeLeaf(await makeRoot());
    assert.throws(() => checkX509SvidAuthority(certificate), failsWith('invalid-svid', /authority/));
  });
});
