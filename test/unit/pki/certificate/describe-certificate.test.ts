import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeCertificate, fingerprint, noAltNames, spiffeIdOf } from '../../../../src/pki/index.ts';
import { makeLeaf, makeRoot } from '../support/builders.ts';

describe('the description of a certificate', () => {
  it('is what openssl prints, and its SPIFFE ID', async () => {
    const { certificate } = await makeLeaf(await makeRoot('mesh'));
    const described = describeCertificate(certificate);
    assert.equal(described.serialNumber, certificate.serialNumber.toUpperCase());
    assert.equal(described.fingerprint, fingerprint(certificate.der));
    assert.equal(described.issuer, 'CN=mesh');
    assert.equal(described.spiffeId, certificate.altNames.uris[0]);
    assert.deepEqual(
      [described.notBefore, described.notAfter],
      [certificate.notBefore.getTime(), certificate.notAfter.getTime()],
    );
  });
});

describe('the SPIFFE ID among names', () => {
  it('is the only URI, as X.509-SVID has it, where that is one', () => {
    const of = (...uris: string[]): string | undefined => spiffeIdOf({ ...noAltNames, uris });
    assert.equal(of('spiffe://cluster.local/ns/web/sa/api'), 'spiffe://cluster.local/ns/web/sa/api');
    assert.equal(of(), undefined);
    assert.equal(of('https://a.example/'), undefined);
    assert.equal(of('spiffe:cluster.local'), undefined);
    assert.equal(of('spiffe://cluster.local/'), undefined);
    assert.equal(of('spiffe://cluster.local/a', 'spiffe://cluster.local/b'), undefined);
    assert.equal(of('https://a.example/', 'spiffe://cluster.local/a'), undefined);
  });
});
