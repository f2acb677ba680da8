import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { verifyIssued } from '../../../../../src/driver/volume/issuance/verify-issued.ts';
import type { VolumeSpec } from '../../../../../src/driver/volume/volume-spec.ts';
import {
  type CertificateTemplate,
  type ExtendedKeyUsage,
  noAltNames,
  parseCertificate,
  parseChain,
  publicKeyOf,
  selfSignCertificate,
  signCertificate,
  type Usages,
} from '../../../../../src/pki/index.ts';
import { Authority, newKey } from '../../support/authority.ts';
import { day, failure, hour, minute, specOf } from '../../support/builders.ts';

const now = Date.UTC(2026, 0, 1);
let authority: Authority;
let key: KeyObject;

before(async () => {
  authority = await Authority.create(now);
  key = await newKey();
});

const named = specOf({
  'common-name': 'api.web',
  'dns-names': 'api.web.svc,*.web.svc',
  'ip-sans': '10.0.0.1,2001:DB8:0::1,::ffff:10.0.0.2',
  'uri-sans': 'https://api.example',
});

async function verify(
  spec: VolumeSpec,
  changes: Partial<CertificateTemplate> = {},
  { at = now, ca = authority.certificate.pem, extra = '' } = {},
) {
  const pem = await authority.issue(spec, key, now, changes);
  return verifyIssued(spec, key, pem + extra, ca, new Date(at));
}

async function issuerBelow(commonName: string, extendedKeyUsages: ExtendedKeyUsage[]) {
  const issuing = await newKey();
  const pem = await signCertificate(
    {
      subject: { commonName },
      altNames: noAltNames,
      usages: { keyUsages: ['keyCertSign'], extendedKeyUsages },
      publicKey: publicKeyOf(issuing),
      isCA: true,
      notBefore: new Date(now - hour),
      notAfter: new Date(now + 30 * day),
    },
    authority,
  );
  return { certificate: parseCertificate(pem), key: issuing };
}

async function refused(
  spec: VolumeSpec,
  changes: Partial<CertificateTemplate>,
  message: string | RegExp,
  options?: { at?: number; ca?: string; extra?: string },
): Promise<void> {
  await assert.rejects(verify(spec, changes, options), failure('issued-wrong', message));
}

describe('a certificate that was issued as asked', () => {
  it('is taken, with its chain and the anchors', async () => {
    const { anchors, chain } = await verify(named);
    assert.equal(chain.length, 1);
    assert.deepEqual(chain[0].altNames.uris, ['https://api.example']);
    assert.deepEqual(
      anchors.map((anchor) => anchor.serialNumber),
      [authority.certificate.serialNumber],
    );
  });

  it('is taken from an issuer that names no anchors, as with ACME', async () => {
    assert.deepEqual((await verify(named, {}, { ca: '' })).anchors, []);
    assert.deepEqual((await verify(named, {}, { ca: ' \n' })).anchors, []);
  });

  it('is taken with intermediates in any order, which are put in order', async () => {
    const intermediate = await issuerBelow('intermediate', []);
    const spec = specOf();
    const leaf = await signCertificate(
      {
        subject: {},
        altNames: { ...noAltNames, uris: spec.certificate.uris },
        usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth', 'clientAuth'] },
        publicKey: publicKeyOf(key),
        isCA: false,
        notBefore: new Date(now - minute),
        notAfter: new Date(now + hour),
      },
      intermediate,
    );
    const { chain } = verifyIssued(
      spec,
      key,
      intermediate.certificate.pem + leaf,
      authority.certificate.pem,
      new Date(now),
    );
    assert.deepEqual(
      chain.map((certificate) => certificate.isCA),
      [false, true],
    );
    assert.throws(
      () => verifyIssued(spec, key, leaf, authority.certificate.pem, new Date(now)),
      failure('issued-wrong', 'no trust anchor issued'),
    );
  });

  it('is taken when it lives shorter, when the CA repeats the common name, and when its clock is a little ahead', async () => {
    await verify(named, { notAfter: new Date(now + hour) });
    await verify(named, {
      altNames: { ...altNamesOf(named), dnsNames: [...named.certificate.dnsNames, 'API.web'] },
    });
    await verify(named, { notBefore: new Date(now + 4 * minute) });
  });

  it('is taken from an issuer that names no anchors when it is by one that the node knows', async () => {
    const pem = await authority.issue(named, key, now);
    const other = await Authority.create(now, 'other ca');
    const known = [other.certificate, authority.certificate];
    const { anchors } = verifyIssued(named, key, pem, '', new Date(now), parseChain, known);
    assert.deepEqual(anchors, []);
  });

  it('is taken self-signed, which is its own anchor', async () => {
    const spec = specOf();
    const pem = await selfSignCertificate(
      {
        subject: { commonName: 'x' },
        altNames: { ...noAltNames, uris: spec.certificate.uris, dnsNames: [] },
        usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth', 'clientAuth'] },
        publicKey: publicKeyOf(key),
        isCA: false,
        notBefore: new Date(now - minute),
        notAfter: new Date(now + hour),
      },
      key,
    );
    const asked = specOf({ 'common-name': 'x' });
    assert.equal(verifyIssued(asked, key, pem, pem, new Date(now)).chain.length, 1);
  });
});

function altNamesOf({ certificate }: VolumeSpec) {
  const { dnsNames, ipAddresses, uris } = certificate;
  return { dnsNames, ipAddresses, uris, emailAddresses: [] };
}

describe('a certificate that was issued otherwise is refused', () => {
  it('for another key', async () => {
    await refused(named, { publicKey: publicKeyOf(await newKey()) }, 'is for another public key');
  });

  it('without a name that was asked for', async () => {
    const names = altNamesOf(named);
    await refused(
      named,
      { altNames: { ...names, dnsNames: ['api.web.svc'] } },
      'lacks the DNS names *.web.svc',
    );
    await refused(
      named,
      { altNames: { ...names, ipAddresses: ['10.0.0.1'] } },
      'lacks the IP addresses 2001:db8::1',
    );
    await refused(named, { altNames: { ...names, uris: [] } }, 'lacks the URIs https://api.example');
    await refused(named, { subject: {} }, 'has the common name "", not "api.web"');
  });

  it('with a name that was not asked for', async () => {
    const names = altNamesOf(named);
    const extra = (changes: object) => ({ altNames: { ...names, ...changes } });
    await refused(
      named,
      extra({ dnsNames: [...names.dnsNames, 'admin.example'] }),
      'has the DNS names admin.example',
    );
    await refused(
      named,
      extra({ ipAddresses: [...names.ipAddresses, '10.0.0.9'] }),
      'has the IP addresses 10.0.0.9',
    );
    await refused(named, extra({ uris: [...names.uris, 'spiffe://x/y'] }), 'has the URIs spiffe://x/y');
    await refused(
      named,
      extra({ emailAddresses: ['root@example.com'] }),
      'has the email addresses root@example.com',
    );
    await refused(
      specOf(),
      { subject: { commonName: 'admin' } },
      'has the common name "admin", which was not asked',
    );
  });

  it('by another CA than those that the node knows of its issuer, which itself names none', async () => {
    const pem = await authority.issue(named, key, now);
    const known = [(await Authority.create(now, 'other ca')).certificate];
    assert.throws(
      () => verifyIssued(named, key, pem, '', new Date(now), parseChain, known),
      failure('issued-wrong', 'no trust anchor issued'),
    );
  });

  it('with a SPIFFE ID in another case', async () => {
    await refused(
      specOf(),
      { altNames: { ...noAltNames, uris: ['spiffe://cluster.local/ns/web/sa/API'] } },
      'lacks the URIs',
    );
  });

  it('for a CA, or with the right to sign', async () => {
    await refused(
      specOf({ 'common-name': 'x' }),
      {
        isCA: true,
        usages: {
          keyUsages: ['digitalSignature', 'keyCertSign'],
          extendedKeyUsages: ['serverAuth', 'clientAuth'],
        },
      },
      'is for a CA, which was not asked for',
    );
    const asked = specOf({ 'is-ca': 'true', 'common-name': 'sub' });
    await refused(
      asked,
      { isCA: false, usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: [] } },
      'is not for a CA',
    );
  });

  it('without a usage that was asked for', async () => {
    await refused(
      specOf(),
      { usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth'] } },
      'lacks the usages clientAuth',
    );
    await refused(
      specOf(),
      { usages: { keyUsages: [], extendedKeyUsages: [] } },
      'lacks the usages digitalSignature',
    );
  });

  it('expired, not valid yet, or living longer than asked', async () => {
    const end = new Date(now + day);
    await refused(specOf(), {}, 'expired at 2026-01-02', { at: end.getTime() });
    await refused(specOf(), { notBefore: new Date(now + 6 * minute) }, 'is not valid before');
    await refused(specOf(), { notAfter: new Date(now + day + 6 * minute) }, 'longer than the duration');
    await verify(specOf(), { notAfter: new Date(now + day + 4 * minute) });
  });

  it('by another CA than the one that came with it', async () => {
    const other = await Authority.create(now, 'other');
    await refused(specOf(), {}, 'no trust anchor issued', { ca: other.certificate.pem });
    const namesake = await Authority.create(now);
    await refused(specOf(), {}, 'cannot be used', { ca: namesake.certificate.pem });
  });

  it('with certificates that do not belong to it', async () => {
    const other = await Authority.create(now, 'other');
    await refused(specOf(), {}, 'not one chain', { extra: other.certificate.pem });
  });

  it('by an expired CA', async () => {
    const dying = await Authority.create(now, 'dying', hour);
    const pem = await dying.issue(specOf(), key, now);
    const at = new Date(now + 2 * hour);
    assert.throws(
      () => verifyIssued(specOf(), key, pem, dying.certificate.pem, at),
      failure('issued-wrong', 'expired'),
    );
  });

  it('as something that is no certificate', () => {
    for (const text of [
      '',
      'garbage',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'x'.repeat(2_000_000),
    ]) {
      assert.throws(
        () => verifyIssued(specOf(), key, text, '', new Date(now)),
        failure('issued-wrong', 'the certificate that the issuer returned'),
      );
    }
  });

  it('with anchors that are none', async () => {
    await refused(specOf(), {}, 'cannot be used', { ca: 'garbage' });
  });
});

describe('a certificate below an issuer that is restricted to some purposes', () => {
  const issueBelow = async (
    ...extendedKeyUsages: ExtendedKeyUsage[]
  ): Promise<[pem: string, above: string]> => {
    const parent = await issuerBelow('restricted', extendedKeyUsages);
    const { altNames, notAfter, notBefore, publicKey, subject } = parseCertificate(
      await authority.issue(named, key, now),
    );
    const usages: Usages = {
      keyUsages: ['digitalSignature'],
      extendedKeyUsages: ['serverAuth', 'clientAuth', 'codeSigning'],
    };
    const template = { altNames, isCA: false, notAfter, notBefore, publicKey, subject, usages };
    return [await signCertificate(template, parent), parent.certificate.pem];
  };
  const take = (pem: string, ca: string) => verifyIssued(named, key, pem, ca, new Date(now));

  it('is refused where one is missing that was asked for', async () => {
    const [pem, above] = await issueBelow('serverAuth', 'codeSigning');
    const message = /"CN=restricted" may not issue for clientAuth/;
    assert.throws(() => take(pem + above, authority.certificate.pem), failure('issued-wrong', message));
    take(pem + above, above);
  });

  it('is taken where it has them, or any, and whatever else the issuer added', async () => {
    for (const purposes of [['clientAuth', 'serverAuth'], ['any'], []] as const) {
      const [pem, above] = await issueBelow(...purposes);
      take(pem + above, authority.certificate.pem);
    }
  });
});
