import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  type Authority,
  type Certificate,
  type CertificateTemplate,
  encodePrivateKey,
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
