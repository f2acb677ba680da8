import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  encodeJksKeystore,
  encodeJksTruststore,
  fingerprint,
  type JksKeystoreOptions,
} from '../../../../src/pki/index.ts';
import { describeSpec, makeRoot, now } from '../support/builders.ts';
import { readJks } from './support/read-jks.ts';
import { type Identity, keySpecs, makeIdentity, password } from './support/stores.ts';

let identity: Identity;
before(async () => {
  identity = await makeIdentity();
});

function keystore(changes: Partial<JksKeystoreOptions> = {}): Buffer {
  const { key, chain } = identity;
  return encodeJksKeystore({ key, chain, password, alias: 'workload', at: now, ...changes });
}

describe('a JKS key store', () => {
  for (const spec of keySpecs)
    it(`holds key and chain, the leaf first: ${describeSpec(spec)}`, async () => {
      const { key, chain } = await makeIdentity(spec);
      assert.deepEqual(readJks(keystore({ key, chain }), password), [
        {
          alias: 'workload',
          created: now,
          pkcs8: key.export({ type: 'pkcs8', format: 'der' }),
          certificates: chain.map(({ der }) => der),
        },
      ]);
    });

  it('has its alias in lower case, because Java looks for no other', () => {
    assert.equal(readJks(keystore({ alias: 'My-Schlüssel' }), password)[0]?.alias, 'my-schlüssel');
  });

  it('opens under its password alone', () => {
    const secret = 'Grüße aus Łódź – Ω';
    assert.equal(readJks(keystore({ password: secret }), secret).length, 1);
    for (const wrong of ['correct horsf', 'correct hors', ''])
      assert.throws(() => readJks(keystore(), wrong), /digest of the store is wrong/);
  });

  it('hides each key behind a salt of its own', () => {
    const stores = [keystore(), keystore()];
    const { d } = identity.key.export({ format: 'jwk' });
    for (const store of stores) assert.ok(!store.includes(Buffer.from(String(d), 'base64url')));
    assert.notDeepEqual(stores[0], stores[1]);
    const { key, chain } = identity;
    const options = { key, chain, password, alias: 'a', at: now };
    const randomBytes = (size: number): Buffer => Buffer.alloc(size, 7);
    assert.deepEqual(
      encodeJksKeystore(options, { randomBytes }),
      encodeJksKeystore(options, { randomBytes }),
    );
  });
});

describe('a JKS trust store', () => {
  it('holds each anchor once, under an alias of its own', async () => {
    const [first, second] = [await makeRoot(), await makeRoot()].map(({ certificate }) => certificate);
    assert.ok(first !== undefined && second !== undefined);
    const file = encodeJksTruststore({ anchors: [first, second, first], password, at: now });
    assert.deepEqual(
      readJks(file, password),
      [first, second].map(({ der }) => ({
        alias: `ca-${fingerprint(der)}`,
        created: now,
        pkcs8: undefined,
        certificates: [der],
      })),
    );
  });
});
