import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { checkKeySpec, keySpecOf, samePublicKey } from '../../../../src/pki/keys/key-spec.ts';
import { describeSpec, allKeySpecs, makeKey } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';

describe('what kind of key is asked for', () => {
  it('is RSA from 2048 to 8192 bits, ECDSA of three sizes, or Ed25519 with any size', () => {
    for (const spec of allKeySpecs) assert.deepEqual(checkKeySpec(spec), spec);
    assert.deepEqual(checkKeySpec({ algorithm: 'Ed25519', size: 521 }), { algorithm: 'Ed25519' });
  });

  for (const spec of [
    { algorithm: 'RSA', size: 2047 },
    { algorithm: 'RSA', size: 8193 },
    { algorithm: 'RSA', size: 2048.5 },
    { algorithm: 'RSA', size: Number.NaN },
    { algorithm: 'RSA' },
    { algorithm: 'ECDSA', size: 224 },
    { algorithm: 'ECDSA' },
    { algorithm: 'rsa', size: 2048 },
    { algorithm: 'DSA', size: 2048 },
  ])
    it(`is refused as ${JSON.stringify(spec)}, with what is allowed`, () => {
      assert.throws(() => checkKeySpec(spec), failsWith('invalid-key', /allowed: /));
    });
});

describe('the kind of a key', () => {
  for (const spec of allKeySpecs)
    it(`is seen: ${describeSpec(spec)}`, async () => {
      const key = await makeKey(spec);
      assert.equal(key.type, 'private');
      assert.deepEqual(keySpecOf(key), spec);
      assert.deepEqual(keySpecOf(createPublicKey(key)), spec);
    });

  it('is refused when it is not served', () => {
    const { publicKey: short } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    assert.throws(() => keySpecOf(short), failsWith('invalid-key', /1024 bits/));
    const { publicKey: koblitz } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    assert.throws(() => keySpecOf(koblitz), failsWith('invalid-key', /secp256k1/));
    const { publicKey: exchange } = generateKeyPairSync('x25519');
    assert.throws(() => keySpecOf(exchange), failsWith('invalid-key', /x25519/));
  });

  it('is refused for an RSA key whose exponent makes verifying expensive, or that nobody can use', () => {
    const n = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }).n ?? '';
    for (const e of [Buffer.alloc(200, 0xff), Buffer.of(128, 0, 0, 1), Buffer.of(1, 0, 0), Buffer.of(1)]) {
      const key = createPublicKey({ key: { kty: 'RSA', n, e: e.toString('base64url') }, format: 'jwk' });
      assert.throws(() => keySpecOf(key), failsWith('invalid-key', /exponent/));
    }
  });
});

describe('two keys', () => {
  it('are of one pair, whether private or public', async () => {
    const [key, other] = [await makeKey(), await makeKey()];
    assert.ok(samePublicKey(key, createPublicKey(key)));
    assert.ok(samePublicKey(createPublicKey(key), key));
    assert.ok(!samePublicKey(key, other));
    assert.ok(!samePublicKey(key, await makeKey({ algorithm: 'Ed25519' })));
  });
});
