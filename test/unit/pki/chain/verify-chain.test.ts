import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { sequence } from '../../../../src/pki/der/writer.ts';
import {
  type Authority,
  type Certificate,
  type CertificateTemplate,
  encodePrivateKey,
  encodeSubject,
  isSelfSigned,
  orderChain,
  parseCertificate,
  type PkiFailure,
  publicKeyOf,
  selfSignCertificate,
  signCertificate,
  verifyChain,
} from '../../../../src/pki/index.ts';
import {
  authorityTemplate,
  hour,
  leafTemplate,
  makeIntermediate,
  makeKey,
  makeLeaf,
  makeRoot,
  now,
} from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';
import {
  critical,
  ecdsaWithSha1,
  forgeAuthority,
  forgeCertificate,
  forgeExtension,
} from '../support/forge.ts';
import { openssl } from '../support/openssl.ts';

/** Verifies with ours and with openssl, which have to agree. */
function verifyBoth(chain: readonly Certificate[], anchor: Certificate, at = now, reason?: PkiFailure): void {
  const [leaf, ...rest] = chain;
  const bundle = rest.map(({ pem }) => pem).join('');
  const theirs = (): string =>
    openssl(
      [
        'verify',
        '-attime',
        String(at.getTime() / 1000),
        '-partial_chain',
        '-CAfile',
        '@anchor',
        ...(bundle === '' ? [] : ['-untrusted', '@rest']),
        '@leaf',
      ],
      { anchor: anchor.pem, rest: bundle, leaf: leaf?.pem ?? '' },
    );
  if (reason === undefined) {
    verifyChain(chain, [anchor], at);
    theirs();
  } else {
    assert.throws(() => verifyChain(chain, [anchor], at), failsWith(reason));
    assert.throws(theirs, /error/);
  }
}

describe('verifying a chain', () => {
  let root: Authority;
  let intermediate: Authority;
  let leaf: Authority;
  before(async () => {
    root = await makeRoot();
    intermediate = await makeIntermediate(root);
    leaf = await makeLeaf(intermediate);
  });
  const certificates = (...authorities: readonly Authority[]): Certificate[] =>
    authorities.map(({ certificate }) => certificate);

  it('takes a chain to its anchor, with the anchor in it or not', () => {
    verifyBoth(certificates(leaf, intermediate), root.certificate);
    verifyBoth(certificates(leaf, intermediate, root), root.certificate);
  });

  it('takes an intermediate as anchor, and does not look at what comes after', () => {
    verifyBoth(certificates(leaf), intermediate.certificate);
    verifyBoth(certificates(leaf, intermediate, root), intermediate.certificate);
  });

  it('takes a certificate that is an anchor itself', async () => {
    const key = await makeKey();
    const certificate = parseCertificate(
      await selfSignCertificate(leafTemplate(key, { subject: { commonName: 'self' } }), key),
    );
    verifyBoth([certificate], certificate);
  });

  it('finds the anchor among others, and the one that is valid among two of one key', async () => {
    const others = [(await makeRoot()).certificate, (await makeRoot('other')).certificate];
    const renewed = parseCertificate(
      await selfSignCertificate(
        authorityTemplate('root', root.key, { notAfter: new Date(now.getTime() + 3000 * hour) }),
        root.key,
      ),
    );
    verifyChain(certificates(leaf, intermediate), [...others, root.certificate, renewed], now);
    const outdated = parseCertificate(
      await selfSignCertificate(
        authorityTemplate('root', root.key, { notAfter: new Date(now.getTime() - 1000) }),
        root.key,
      ),
    );
    verifyChain(certificates(leaf, intermediate), [outdated, renewed], now);
    assert.throws(
      () => verifyChain(certificates(leaf, intermediate), [outdated], now),
      failsWith('not-valid-now'),
    );
  });

  it('takes a chain through a root that an older one signed', async () => {
    const older = await makeRoot('older');
    const cross = parseCertificate(await signCertificate(authorityTemplate('root', root.key), older));
    const chain = [...certificates(leaf, intermediate), cross];
    verifyBoth(chain, older.certificate);
    verifyBoth(chain, root.certificate);
  });

  it('refuses a chain without anchor, without anything, or of strangers', async () => {
    const stranger = await makeRoot('stranger');
    verifyBoth(certificates(leaf, intermediate), stranger.certificate, now, 'untrusted');
    verifyBoth(certificates(leaf, intermediate, root), (await makeRoot()).certificate, now, 'untrusted');
    assert.throws(() => verifyChain(certificates(leaf), [], now), failsWith('untrusted'));
    assert.throws(() => verifyChain([], certificates(root), now), failsWith('not-a-chain'));
    assert.throws(
      () => verifyChain(certificates(leaf, root), certificates(root), now),
      failsWith('not-a-chain'),
    );
    assert.throws(
      () => verifyChain(certificates(leaf, stranger), certificates(root), now),
      failsWith('not-a-chain'),
    );
  });

  it('refuses a signature of another key in the right name', async () => {
    const forged = await makeKey();
    const { certificate } = await makeLeaf({
      key: forged,
      certificate: { ...intermediate.certificate, publicKey: publicKeyOf(forged) },
    });
    assert.throws(
      () => verifyChain([certificate, intermediate.certificate], certificates(root), now),
      failsWith('bad-signature'),
    );
    verifyBoth([certificate], intermediate.certificate, now, 'untrusted');
  });

  it('takes the first and the last second, and no other', async () => {
    const short = (await makeLeaf(root, { notAfter: new Date(now.getTime() + 60_000) })).certificate;
    const at = (ms: number) => new Date(now.getTime() + ms);
    verifyChain([short], certificates(root), at(0));
    verifyChain([short], certificates(root), at(60_999));
    assert.throws(
      () => verifyChain([short], certificates(root), at(-1)),
      failsWith('not-valid-now', /not valid before 2026-11-22T12:00:00/),
    );
    assert.throws(
      () => verifyChain([short], certificates(root), at(61_000)),
      failsWith('not-valid-now', /expired at 2026-11-22T12:01:00/),
    );
    verifyBoth([short], root.certificate, at(120_000), 'not-valid-now');
    verifyBoth([short], root.certificate, at(-60_000), 'not-valid-now');
  });

  it('refuses an expired intermediate and an expired anchor', async () => {
    const past = { notAfter: new Date(now.getTime() + hour) };
    const later = new Date(now.getTime() + 2 * hour);
    const long = { notAfter: new Date(now.getTime() + 10 * hour) };
    const expiring = await makeIntermediate(root, 'expiring', past);
    // An authority that was renewed: the leaf outlives the certificate that is shown for it.
    const { certificate } = await makeLeaf(
      { ...expiring, certificate: { ...expiring.certificate, ...long } },
      long,
    );
    verifyBoth([certificate, expiring.certificate], root.certificate, later, 'not-valid-now');
    verifyBoth([certificate], expiring.certificate, later, 'not-valid-now');
  });

  it('refuses issuers that are no authorities, or may not sign', async () => {
    const issue = async (changes: Partial<CertificateTemplate>, seemingly: Partial<Certificate>) => {
      const issuer = await makeIntermediate(root, 'issuer', changes);
      const { certificate } = await makeLeaf({
        ...issuer,
        certificate: { ...issuer.certificate, ...seemingly },
      });
      verifyBoth([certificate, issuer.certificate], root.certificate, now, 'not-an-authority');
    };
    const usages = { keyUsages: ['digitalSignature'], extendedKeyUsages: [] } as const;
    const signing = {
      keyUsages: ['keyCertSign'],
      extendedKeyUsages: [],
      otherExtendedKeyUsages: [],
    } as const;
    await issue({ isCA: false, usages }, { isCA: true, usages: signing });
    await issue({ usages }, { usages: signing });
  });

  it('counts intermediate authorities against the path length', async () => {
    const none = await makeRoot('none', { pathLength: 0 });
    verifyBoth(certificates(await makeLeaf(none)), none.certificate);
    const { pathLength: _, ...unlimited } = none.certificate;
    const below = await makeIntermediate({ ...none, certificate: unlimited }, 'below');
    verifyBoth(certificates(await makeLeaf(below), below), none.certificate, now, 'not-an-authority');

    const one = await makeRoot('one', { pathLength: 1 });
    const first = await makeIntermediate(one, 'first');
    verifyBoth(certificates(await makeLeaf(first), first), one.certificate);
    const second = await makeIntermediate(first, 'second');
    verifyBoth(certificates(await makeLeaf(second), second, first), one.certificate, now, 'not-an-authority');
  });

  it('does not count an authority that changed its key against the path length', async () => {
    const one = await makeRoot('one', { pathLength: 1 });
    const rollover = await makeIntermediate(one, 'one');
    const below = await makeIntermediate(rollover, 'below');
    verifyBoth(certificates(await makeLeaf(below), below, rollover), one.certificate);
  });

  it('refuses a critical extension that is not understood', async () => {
    const config = '[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\n1.2.3.4=critical,DER:0500\n';
    const pem = openssl(['req', '-x509', '-new', '-key', '@k', '-subj', '/CN=a', '-config', '@c'], {
      k: encodePrivateKey(root.key, 'SEC1'),
      c: config,
    });
    const certificate = parseCertificate(pem);
    assert.throws(
      () => verifyChain([certificate], [certificate], certificate.notBefore),
      failsWith('unsupported', /1\.2\.3\.4/),
    );
  });

  it('takes policies that nobody asks for, critical or not, and refuses to need one', async () => {
    const [policies, mappings, constraints, inhibit] = ['32', '33', '36', '54'].map((arc) => `2.5.29.${arc}`);
    const below = await makeKey();
    const verify = (oid = '', value = ''): void => {
      const extension = forgeExtension(oid, Buffer.from(value, 'hex'), critical);
      const issuer = { name: 'top', key: root.key };
      const top = parseCertificate(forgeAuthority('top', root.key));
      const middle = parseCertificate(forgeAuthority('middle', below, issuer, [extension]));
      const end = parseCertificate(
        forgeCertificate(intermediate.key, { issuer: encodeSubject(middle.subject), signer: below }),
      );
      verifyBoth([end, middle], top, new Date('2026-06-01T00:00:00Z'));
    };
    verify(policies, '3006300406022a03');
    verify(mappings, '300a300806022a0306022a04');
    verify(constraints, '3003810100');
    verify(inhibit, '020100');
    assert.throws(() => verify(constraints, '3003800100'), failsWith('unsupported', /2\.5\.29\.36/));
    assert.throws(() => verify(constraints, '30'), failsWith('malformed'));
  });

  it('takes a root of version 1 as anchor, and as nothing else', async () => {
    const old = { version: Buffer.alloc(0), extensions: Buffer.alloc(0) };
    const time = new Date('2026-06-01T00:00:00Z');
    const top = parseCertificate(forgeAuthority('old', root.key, undefined, [], old));
    const issuer = { name: 'old', key: root.key };
    const middle = parseCertificate(forgeAuthority('middle', intermediate.key, issuer));
    const end = parseCertificate(
      forgeCertificate(leaf.key, { issuer: encodeSubject(middle.subject), signer: intermediate.key }),
    );
    verifyBoth([end, middle], top, time);
    verifyBoth([end, middle, top], top, time);
    const oldMiddle = parseCertificate(forgeAuthority('middle', intermediate.key, issuer, [], old));
    assert.throws(() => verifyChain([end, oldMiddle], [top], time), failsWith('not-an-authority'));
    assert.throws(() => verifyChain([end], [oldMiddle], time), failsWith('not-an-authority'));
  });

  it('goes on through the chain where the anchor at hand has expired', async () => {
    const past = { notBefore: new Date(now.getTime() - 2 * hour), notAfter: new Date(now.getTime() - hour) };
    const outdated = parseCertificate(
      await signCertificate(authorityTemplate('intermediate', intermediate.key, past), {
        ...root,
        certificate: { ...root.certificate, notBefore: past.notBefore },
      }),
    );
    const both = [outdated, root.certificate];
    verifyChain(certificates(leaf, intermediate), both, now);
    verifyChain(certificates(leaf, intermediate, root), both.toReversed(), now);
    const expired = failsWith('not-valid-now', /expired/);
    assert.throws(() => verifyChain(certificates(leaf), both, now), expired);
    assert.throws(() => verifyChain(certificates(leaf, root), both, now), expired);
  });

  it('does not look at what a root says of itself with SHA-1', async () => {
    const weak = { algorithm: ecdsaWithSha1 };
    const top = parseCertificate(forgeAuthority('weak', root.key, undefined, [], weak));
    const issuer = { name: 'weak', key: root.key };
    const link = parseCertificate(forgeAuthority('weak', intermediate.key, issuer));
    const end = parseCertificate(
      forgeCertificate(leaf.key, { issuer: encodeSubject(link.subject), signer: intermediate.key }),
    );
    assert.equal(isSelfSigned(top), true);
    // RSASSA-PSS without parameters is SHA-1 as well.
    const pss = { algorithm: sequence(encodeOid('1.2.840.113549.1.1.10'), sequence()) };
    assert.equal(isSelfSigned(parseCertificate(forgeAuthority('weak', root.key, undefined, [], pss))), true);
    assert.equal(isSelfSigned(link), false);
    assert.deepEqual(orderChain([link, top, end]), [end, link, top]);
    verifyChain([end, link, top], [top], new Date('2026-06-01T00:00:00Z'));
  });

  it('refuses a signature with SHA-1', () => {
    const [weak, strong] = ['-sha1', '-sha256'].map((digest) =>
      parseCertificate(
        openssl(['req', '-x509', '-new', digest, '-key', '@k', '-subj', '/CN=root'], {
          k: encodePrivateKey(root.key, 'SEC1'),
        }),
      ),
    ) as [Certificate, Certificate];
    assert.throws(
      () => verifyChain([weak], [strong], weak.notBefore),
      failsWith('unsupported', /signature algorithm/),
    );
  });

  it('takes RSASSA-PSS signatures as openssl makes them', async () => {
    const key = encodePrivateKey(await makeKey({ algorithm: 'RSA', size: 2048 }), 'PKCS8');
    for (const digest of ['sha256', 'sha384', 'sha512']) {
      const pem = openssl(
        [
          'req',
          '-x509',
          '-new',
          `-${digest}`,
          '-key',
          '@k',
          '-subj',
          '/CN=pss',
          '-sigopt',
          'rsa_padding_mode:pss',
          '-sigopt',
          'rsa_pss_saltlen:digest',
        ],
        { k: key },
      );
      const authority = parseCertificate(pem);
      // Not as its own anchor: then nobody would look at the signature.
      const namesake = { ...authority, der: Buffer.of(0) };
      verifyChain([authority], [namesake], authority.notBefore);
    }
  });
});
