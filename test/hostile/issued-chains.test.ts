import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Secret } from '../../src/api/core.ts';
import { type CaKeyPairResult, readCaKeyPair } from '../../src/controller/issuers/ca/ca-key-pair.ts';
import { verifyIssued } from '../../src/driver/volume/issuance/verify-issued.ts';
import { VolumeError } from '../../src/driver/volume/volume-error.ts';
import { encode, sequence } from '../../src/pki/der/writer.ts';
import {
  type Authority as PkiAuthority,
  type Certificate,
  encodePrivateKey,
  noAltNames,
  orderChain,
  parseCertificate,
  parseChain,
  PkiError,
  signCertificate,
  verifyChain,
} from '../../src/pki/index.ts';
import { Authority, newKey } from '../unit/driver/support/authority.ts';
import { specOf } from '../unit/driver/support/builders.ts';
import { authorityTemplate, makeLeaf, makeRoot, now as pkiNow } from '../unit/pki/support/builders.ts';
import { forgeAuthority } from '../unit/pki/support/forge.ts';
import { assertLittleCpu } from '../support/cpu-time.ts';
import { assertGrowsWithInput, refusal } from './support/growth.ts';

function secretOf(data: Readonly<Record<string, string>>): Secret {
  const encoded = Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
  return { metadata: { namespace: 'web', name: 'ca' }, data: Object.fromEntries(encoded) };
}

const now = Date.UTC(2026, 0, 1);
const spec = specOf({ 'dns-names': 'api.web.svc' });

describe('what an issuer returns', () => {
  let authority: Authority;
  let key: KeyObject;
  let issued: string;
  before(async () => {
    [authority, key] = [await Authority.create(now), await newKey()];
    issued = await authority.issue(spec, key, now);
  });
  const verify = (certificates: string, ca: string): unknown =>
    refusal(VolumeError, () => verifyIssued(spec, key, certificates, ca, new Date(now)));

  it('is taken as it should be', () => {
    assert.equal(verify(issued, authority.certificate.pem), undefined);
  });

  it('is taken or refused with a VolumeError, whatever was done to it', () => {
    const text = fc.oneof(
      fc.constantFrom(issued, authority.certificate.pem, issued + authority.certificate.pem, ''),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    const changed = fc
      .tuple(text, fc.nat(2_000), fc.nat(8), fc.string({ unit: 'binary', maxLength: 8 }))
      .map(([of, at, removed, added]) => of.slice(0, at) + added + of.slice(at + removed));
    const any = fc.array(fc.oneof(text, changed), { maxLength: 4 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(any, any, (certificates, ca) => {
        const error = verify(certificates, ca);
        if (error === undefined) return;
        assert.equal((error as VolumeError).reason, 'issued-wrong');
        assert.ok((error as VolumeError).message.length < 20_000);
      }),
      { numRuns: 1_500 },
    );
  });

  it('is never taken with one bit of the certificate turned', () => {
    const der = parseCertificate(issued).der;
    fc.assert(
      fc.property(fc.nat(der.length * 8 - 1), (bit) => {
        const turned = Buffer.from(der);
        turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const pem = `-----BEGIN CERTIFICATE-----\n${turned.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
        assert.ok(verify(pem, authority.certificate.pem) !== undefined, `bit ${bit}`);
      }),
      { numRuns: 500 },
    );
  });

  it('costs no more than its length: names', async () => {
    await assertGrowsWithInput(100, async (size) => {
      const names = Array.from({ length: size }, (_, index) => `n${index}.x`);
      const asked = specOf({ 'dns-names': names.join(',') });
      const certificate = await authority.issue(asked, key, now);
      const ca = authority.certificate.pem;
      return () => void verifyIssued(asked, key, certificate, ca, new Date(now));
    });
  });

  it('costs no more than its length: copies, strangers and anchors', async () => {
    const strangers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => Authority.create(now, `stranger ${index}`)),
    );
    const others = strangers.map(({ certificate }) => certificate.pem).join('');
    const ca = authority.certificate.pem;
    await assertGrowsWithInput(100, (size) => () => verify(issued + ca.repeat(size), ca));
    await assertGrowsWithInput(10, (size) => () => verify(issued + others.repeat(size / 10), ca));
    await assertGrowsWithInput(10, (size) => () => verify(issued, others.repeat(size / 10) + ca));
  });
});

describe('a chain that is meant to keep a verifier busy', () => {
  const refusedAtOnce = (run: () => unknown, message: RegExp): Promise<void> =>
    assertLittleCpu(() => assert.match(refusal(PkiError, run)?.message ?? 'was taken', message));

  it('with a thousand anchors of one name is refused before their signatures are tried', async () => {
    const root = await makeRoot();
    // Without a key identifier every namesake could be the issuer.
    const { authorityKeyId: _, ...certificate } = (await makeLeaf(root)).certificate;
    const namesakes = await Promise.all(
      Array.from({ length: 101 }, async () => (await makeRoot()).certificate),
    );
    await refusedAtOnce(() => verifyChain([certificate], namesakes, pkiNow), /trust anchors have the name/);
    verifyChain([certificate], [...namesakes.slice(0, 90), root.certificate], pkiNow);
  });

  it('that goes in a circle above the leaf is refused', async () => {
    const [one, other] = [await makeRoot('one'), await makeRoot('other')];
    const cross = async (name: string, { key }: PkiAuthority, issuer: PkiAuthority): Promise<Certificate> =>
      parseCertificate(await signCertificate(authorityTemplate(name, key), issuer));
    const { certificate } = await makeLeaf(one);
    const circle = [certificate, await cross('one', one, other), await cross('other', other, one)];
    await refusedAtOnce(() => orderChain(circle), /in a circle/);
    const data = {
      'tls.crt': circle.map(({ pem }) => pem).join(''),
      'tls.key': encodePrivateKey(one.key, 'PKCS8'),
    };
    await assertLittleCpu(() => assert.equal(readCaKeyPair(secretOf(data)).usable, false));
  });

  it('with thousands of name constraints over thousands of names is refused before they are compared', async () => {
    const names = Array.from({ length: 1_500 }, (_, index) => `n${index}.example`);
    const constraints = (tagOfForm: number, base: (index: number) => string): Buffer =>
      sequence(
        encode(
          0xa1,
          ...Array.from({ length: 3_000 }, (_, index) =>
            sequence(encode(tagOfForm, Buffer.from(base(index)))),
          ),
        ),
      );
    const root = await makeRoot();
    const altNames = { ...noAltNames, dnsNames: names };
    const { certificate } = await makeLeaf(root, { altNames });
    const constrained = (nameConstraints: Buffer): Certificate => ({ ...root.certificate, nameConstraints });
    const hostile = constrained(constraints(0x82, (index) => `x${index}.test`));
    await refusedAtOnce(
      () => verifyChain([certificate], [hostile], pkiNow),
      /more name constraints than are compared/,
    );
    const long = constrained(sequence(encode(0xa1, sequence(encode(0x82, Buffer.alloc(40_000, 'x'))))));
    await assertLittleCpu(() => verifyChain([certificate], [long], pkiNow));
  });

  it('with a name that is long and constraints in thousands is refused before they are compared', async () => {
    const root = await makeRoot();
    const { certificate } = await makeLeaf(root);
    for (const [list, contextTag, name] of [
      ['dnsNames', 0x82, `${'y.'.repeat(31_000)}z`],
      ['emailAddresses', 0x81, `y@${'y.'.repeat(31_000)}z`],
      ['uris', 0x86, `spiffe://${'y'.repeat(62_000)}/`],
    ] as const) {
      const subtree = sequence(encode(contextTag, Buffer.from('x')));
      const anchor = {
        ...root.certificate,
        nameConstraints: sequence(encode(0xa1, ...Array<Buffer>(10_000).fill(subtree))),
      };
      const named = { ...certificate, altNames: { ...noAltNames, [list]: Array(20).fill(name) } };
      await refusedAtOnce(
        () => verifyChain([named], [anchor], pkiNow),
        /characters; at most \d+ are compared/,
      );
      verifyChain([named], [root.certificate], pkiNow);
    }
  });

  it('with name constraints costs no more than names and constraints together allow', async () => {
    const root = await makeRoot();
    const subtree = sequence(encode(0x82, Buffer.from('elsewhere.test')));
    const anchor = {
      ...root.certificate,
      nameConstraints: sequence(encode(0xa1, ...Array(50).fill(subtree))),
    };
    await assertGrowsWithInput(150, async (size) => {
      const dnsNames = Array.from({ length: size }, (_, index) => `n${index}.example`);
      const { certificate } = await makeLeaf(root, { altNames: { ...noAltNames, dnsNames } });
      return () => verifyChain([certificate], [anchor], pkiNow);
    });
  });

  it('is read in time that grows with its length', async () => {
    const root = await makeRoot();
    const { certificate } = await makeLeaf(root);
    await assertGrowsWithInput(60, (size) => {
      const pem = certificate.pem.repeat(size);
      return () => void parseChain(pem);
    });
  });
});

describe('a CA Secret that is meant to keep the controller busy', () => {
  it('with a ca.crt of one name, each signed by the next, is refused before their signatures are tried', async () => {
    const keys = await Promise.all(Array.from({ length: 106 }, newKey));
    const [top, ...others] = keys.reverse() as [KeyObject, ...KeyObject[]];
    let issuer = { name: 'root', key: top };
    const certificates = [forgeAuthority('root', top)];
    for (const key of others) {
      certificates.push(forgeAuthority('root', key, issuer));
      issuer = { name: 'root', key };
    }
    const read = (count: number): CaKeyPairResult => {
      const anchors = certificates.slice(-count - 1);
      const own = anchors.pop() ?? '';
      const data = {
        'tls.crt': own,
        'tls.key': encodePrivateKey(issuer.key, 'PKCS8'),
        'ca.crt': anchors.join(''),
      };
      return readCaKeyPair(secretOf(data));
    };
    await assertLittleCpu(() => {
      const result = read(105);
      assert.ok(!result.usable);
      assert.match(result.problem, /more than 100 signatures/);
    }, 1_000);
    const few = read(10);
    assert.ok(few.usable);
    assert.equal(few.keyPair.under.length, 10);
  });
});
