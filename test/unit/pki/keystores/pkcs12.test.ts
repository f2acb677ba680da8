import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { createSecureContext } from 'node:tls';
import {
  encodePasswordlessPkcs12Truststore,
  encodePkcs12Keystore,
  encodePkcs12Truststore,
  encodePrivateKey,
  fingerprint,
  type Pkcs12KeystoreOptions,
} from '../../../../src/pki/index.ts';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { describeSpec, makeRoot } from '../support/builders.ts';
import { openssl } from '../support/openssl.ts';
import { readPkcs12 } from './support/read-pkcs12.ts';
import { type Identity, keySpecs, makeIdentity, password, profiles } from './support/stores.ts';

const friendlyName = '1.2.840.113549.1.9.20';
const localKeyId = '1.2.840.113549.1.9.21';
const trustedKeyUsage = '2.16.840.1.113894.746875.1.1';

let identity: Identity;
before(async () => {
  identity = await makeIdentity();
});

function keystore(changes: Partial<Pkcs12KeystoreOptions> = {}): Buffer {
  const { key, chain } = identity;
  return encodePkcs12Keystore({ key, chain, password, alias: 'Workload', profile: 'Modern2023', ...changes });
}

function truststore(changes: Partial<Parameters<typeof encodePkcs12Truststore>[0]> = {}): Buffer {
  const anchors = [identity.root.certificate];
  return encodePkcs12Truststore({ anchors, password, profile: 'Modern2023', ...changes });
}

/** What `openssl pkcs12` says and writes; it has RC2 in a provider of its own, which not every machine has. */
function opensslReads(file: Buffer, args: readonly string[] = [], passphrase = password): string {
  const output = openssl(
    ['pkcs12', '-in', '@store.p12', '-noenc', '-passin', `pass:${passphrase}`, ...args],
    { 'store.p12': file },
  );
  // The names above the blocks change with the version.
  return [...output.matchAll(/-----BEGIN [\s\S]*?-----END .*-----\n/g)].map(([block]) => block).join('');
}

function hasLegacyProvider(): boolean {
  try {
    openssl(['list', '-providers', '-provider', 'legacy']);
    return true;
  } catch {
    return false;
  }
}

const aes = '2.16.840.1.101.3.4.1.42';
const tripleDes = '1.2.840.113549.1.12.1.3';
const rc2 = '1.2.840.113549.1.12.1.6';
/** Which encryptions a file names; certificates lie in what is encrypted and cannot name one by chance. */
function encryptionsOf(file: Buffer): readonly string[] {
  return [aes, tripleDes, rc2].filter((algorithm) => file.includes(encodeOid(algorithm)));
}

const withoutLegacy = hasLegacyProvider() ? false : 'this openssl has no legacy provider';

for (const profile of profiles) {
  const skip = profile === 'LegacyRC2' ? withoutLegacy : false;
  const args = profile === 'LegacyRC2' ? ['-legacy'] : [];

  describe(`a PKCS #12 store of profile ${profile}`, () => {
    for (const spec of keySpecs)
      it(`gives openssl key and chain, the leaf first: ${describeSpec(spec)}`, { skip }, async () => {
        const { key, chain } = await makeIdentity(spec);
        const file = keystore({ key, chain, profile });
        assert.equal(opensslReads(file, [...args, '-nocerts']), encodePrivateKey(key, 'PKCS8'));
        assert.equal(opensslReads(file, [...args, '-nokeys']), chain.map(({ pem }) => pem).join(''));
        assert.equal(opensslReads(file, [...args, '-nokeys', '-clcerts']), chain[0].pem);
      });

    it('gives openssl its anchors', { skip }, async () => {
      const anchors = [identity.root.certificate, (await makeRoot('another')).certificate];
      const file = truststore({ anchors, profile });
      assert.equal(opensslReads(file, args), anchors.map(({ pem }) => pem).join(''));
    });

    it('opens under its password alone, of whatever length and script', { skip }, () => {
      for (const secret of [
        'x',
        'Grüße aus Łódź – Ω',
        'more than thirty-two characters, and so more than a block',
      ])
        assert.equal(
          opensslReads(keystore({ profile, password: secret }), [...args, '-nocerts'], secret),
          encodePrivateKey(identity.key, 'PKCS8'),
        );
      for (const file of [keystore({ profile }), truststore({ profile })])
        for (const wrong of ['correct horsf', 'correct hors', ''])
          assert.throws(() => opensslReads(file, args, wrong), /Mac verify error: invalid password/);
    });
  });
}

describe('a profile of PKCS #12', () => {
  it('decides on the encryption of keys and of certificates', () => {
    for (const [profile, ofKeystore, ofTruststore] of [
      ['Modern2023', [aes], [aes]],
      ['LegacyDES', [tripleDes], [tripleDes]],
      ['LegacyRC2', [tripleDes, rc2], [rc2]],
    ] as const) {
      assert.deepEqual(encryptionsOf(keystore({ profile })), ofKeystore);
      assert.deepEqual(encryptionsOf(truststore({ profile })), ofTruststore);
    }
  });
});

describe('a PKCS #12 key store', () => {
  for (const [profile, macIterations] of [
    ['Modern2023', 2048],
    ['LegacyDES', undefined],
  ] as const)
    it(`has the structure and the iterations of ${profile}`, () => {
      const { key, chain } = identity;
      const read = readPkcs12(keystore({ profile }), password);
      const attributes = {
        [friendlyName]: 'Workload',
        [localKeyId]: `0414${hash('sha1', chain[0].der)}`,
      };
      assert.deepEqual(read.certificates, [
        { der: chain[0].der, attributes },
        { der: chain[1].der, attributes: {} },
      ]);
      assert.deepEqual(read.keys, [{ pkcs8: key.export({ type: 'pkcs8', format: 'der' }), attributes }]);
      assert.deepEqual(read.iterations, [2048, 2048]);
      assert.equal(read.macIterations, macIterations);
    });

  it('is opened by Node', () => {
    for (const profile of ['Modern2023', 'LegacyDES'] as const) {
      createSecureContext({ pfx: keystore({ profile }), passphrase: password });
      assert.throws(
        () => createSecureContext({ pfx: keystore({ profile }), passphrase: 'wrong' }),
        /mac verify/,
      );
    }
  });

  it('has no salt twice, and no two stores have one in common', () => {
    for (const profile of ['Modern2023', 'LegacyDES'] as const) {
      const salts = [1, 2].flatMap(() => readPkcs12(keystore({ profile }), password).salts);
      assert.equal(new Set(salts).size, 6);
      const octets = profile === 'Modern2023' ? 16 : 8;
      assert.ok(salts.every((salt) => salt.length === 2 * octets));
    }
  });

  it('is the same again from the same random numbers', () => {
    const make = (): Buffer => {
      let next = 0;
      const randomBytes = (size: number): Buffer => Buffer.alloc(size, ++next);
      const { key, chain } = identity;
      const options = { key, chain, password, alias: 'a', profile: 'Modern2023' } as const;
      return encodePkcs12Keystore(options, { randomBytes });
    };
    assert.deepEqual(make(), make());
  });

  it('does not show its key', () => {
    for (const profile of profiles) {
      const { d } = identity.key.export({ format: 'jwk' });
      assert.ok(!keystore({ profile }).includes(Buffer.from(String(d), 'base64url')));
    }
  });
});

describe('a PKCS #12 trust store', () => {
  it('marks each anchor as trusted for everything, as Java does', () => {
    for (const profile of ['Modern2023', 'LegacyDES'] as const) {
      const read = readPkcs12(truststore({ profile }), password);
      const { der } = identity.root.certificate;
      const attributes = { [friendlyName]: `ca-${fingerprint(der)}`, [trustedKeyUsage]: '0604551d2500' };
      assert.deepEqual(read.certificates, [{ der, attributes }]);
      assert.deepEqual(read.keys, []);
      assert.deepEqual(read.iterations, [2048]);
    }
  });

  it('gives anchors of one name different aliases, which stay when others come and go', async () => {
    const [first, second, third] = await Promise.all([makeRoot(), makeRoot(), makeRoot()]);
    const aliasesOf = (...anchors: readonly (typeof first)[]): Map<string, string | undefined> => {
      const file = truststore({ anchors: anchors.map(({ certificate }) => certificate) });
      return new Map(
        readPkcs12(file, password).certificates.map(({ der, attributes }) => [
          fingerprint(der),
          attributes[friendlyName],
        ]),
      );
    };
    const before = aliasesOf(first, second, first);
    assert.equal(before.size, 2);
    assert.equal(new Set(before.values()).size, 2);
    const print = fingerprint(second.certificate.der);
    assert.equal(aliasesOf(third, second).get(print), before.get(print));
  });

  it('has an anchor once that is given twice', () => {
    const { certificate } = identity.root;
    assert.equal(
      readPkcs12(truststore({ anchors: [certificate, certificate] }), password).certificates.length,
      1,
    );
  });
});

describe('a PKCS #12 trust store without a password', () => {
  it('is read by openssl, which finds neither encryption nor MAC', () => {
    const file = encodePasswordlessPkcs12Truststore([identity.root.certificate]);
    assert.equal(opensslReads(file, ['-nokeys', '-nomacver'], ''), identity.root.certificate.pem);
    assert.deepEqual(encryptionsOf(file), []);
  });

  it('is the same for the same anchors', () => {
    const anchors = [identity.root.certificate];
    const [one, other] = [anchors, anchors].map(encodePasswordlessPkcs12Truststore);
    assert.deepEqual(one, other);
  });
});
