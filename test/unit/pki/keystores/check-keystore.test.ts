import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  checkKeystorePassword,
  encodeJksKeystore,
  encodeJksTruststore,
  encodePkcs12Keystore,
  encodePkcs12Truststore,
} from '../../../../src/pki/index.ts';
import { makeKey, now } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';
import { type Identity, makeIdentity, password } from './support/stores.ts';

let identity: Identity;
before(async () => {
  identity = await makeIdentity();
});

type KeystoreOptions = Parameters<typeof encodePkcs12Keystore>[0];

/** The writers of key stores, for what they have to refuse alike. */
const keystores: Record<string, (changes: Partial<KeystoreOptions>) => Buffer> = {
  'PKCS #12': (changes) => encodePkcs12Keystore({ ...keystoreOptions(), ...changes }),
  JKS: (changes) => encodeJksKeystore({ ...keystoreOptions(), at: now, ...changes }),
};

const truststores: Record<string, (changes: { password?: string; anchors?: [] }) => Buffer> = {
  'PKCS #12': (changes) =>
    encodePkcs12Truststore({ ...truststoreOptions(), profile: 'Modern2023', ...changes }),
  JKS: (changes) => encodeJksTruststore({ ...truststoreOptions(), at: now, ...changes }),
};

function keystoreOptions(): KeystoreOptions {
  const { key, chain } = identity;
  return { key, chain, password, alias: 'workload', profile: 'Modern2023' };
}

function truststoreOptions(): Pick<Parameters<typeof encodePkcs12Truststore>[0], 'anchors' | 'password'> {
  return { anchors: [identity.root.certificate], password };
}

const badPasswords: readonly (readonly [string, RegExp])[] = [
  ['', /password .* is empty/],
  ['hunter2\0', /has a NUL/],
  ['hunter2🐴', /outside the basic multilingual plane/],
  ['hunter2\ud83d', /outside the basic multilingual plane/],
];

for (const [format, write] of Object.entries(keystores))
  describe(`a ${format} key store`, () => {
    it('is refused for a password that it cannot carry, which is not shown', () => {
      for (const [secret, message] of badPasswords)
        assert.throws(
          () => write({ password: secret }),
          (error) => failsWith('invalid-keystore', message)(error) && !String(error).includes('hunter2'),
        );
    });

    it('is refused for an alias that it cannot carry, which is named', () => {
      for (const alias of ['', 'a'.repeat(256), 'pony 🐴', 'a\0b'])
        assert.throws(
          () => write({ alias }),
          failsWith('invalid-keystore', /^the alias ".*" .* has to be 1 to 255 characters/),
        );
      write({ alias: 'ł'.repeat(255) });
    });

    it('is refused when it does not begin with the certificate of its key', async () => {
      const [leaf, intermediate] = identity.chain;
      const message = /begins with the certificate of its key/;
      for (const chain of [[], [intermediate, leaf]])
        assert.throws(() => write({ chain }), failsWith('invalid-keystore', message));
      const key = await makeKey();
      assert.throws(() => write({ key }), failsWith('invalid-keystore', message));
    });

    it('is refused for a kind of key that is not served', () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
      assert.throws(() => write({ key: privateKey }), failsWith('invalid-key', /secp256k1/));
    });
  });

for (const [format, write] of Object.entries(truststores))
  describe(`a ${format} trust store`, () => {
    it('is refused for a password that it cannot carry', () => {
      for (const [secret, message] of badPasswords)
        assert.throws(() => write({ password: secret }), failsWith('invalid-keystore', message));
    });

    it('is refused without an anchor', () => {
      assert.throws(() => write({ anchors: [] }), failsWith('invalid-keystore', /needs an anchor/));
    });
  });

describe('a password of a key store', () => {
  it('can be checked before there is anything to store', () => {
    checkKeystorePassword('Grüße');
    assert.throws(() => checkKeystorePassword(''), failsWith('invalid-keystore'));
  });
});
