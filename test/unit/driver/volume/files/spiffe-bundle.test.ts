import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { spiffeBundle } from '../../../../../src/driver/volume/files/spiffe-bundle.ts';
import type { Certificate } from '../../../../../src/pki/index.ts';
import { makeRoot } from '../../../pki/support/builders.ts';

const { certificate } = await makeRoot();

function keysOf(publicKey: KeyObject): readonly Record<string, unknown>[] {
  const anchor: Certificate = { ...certificate, publicKey };
  const bundle = JSON.parse(spiffeBundle([anchor], { sequence: 1, refreshHintSeconds: 300 })) as {
    keys: Record<string, unknown>[];
  };
  return bundle.keys;
}

describe('the SPIFFE bundle', () => {
  it('has an entry for each key that readers of bundles know', () => {
    const x5c = [certificate.der.toString('base64')];
    for (const [curve, name] of [
      ['prime256v1', 'P-256'],
      ['secp384r1', 'P-384'],
      ['secp521r1', 'P-521'],
    ] as const) {
      const [key] = keysOf(generateKeyPairSync('ec', { namedCurve: curve }).publicKey);
      assert.deepEqual([key?.['kty'], key?.['crv'], key?.['use']], ['EC', name, 'x509-svid']);
      assert.deepEqual(key?.['x5c'], x5c);
    }
    assert.equal(keysOf(generateKeyPairSync('ed25519').publicKey)[0]?.['crv'], 'Ed25519');
    assert.equal(keysOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)[0]?.['kty'], 'RSA');
  });

  it('has none for others, which would cost a reader the whole bundle', () => {
    for (const namedCurve of ['secp256k1', 'secp224r1', 'brainpoolP256r1'])
      assert.deepEqual(keysOf(generateKeyPairSync('ec', { namedCurve }).publicKey), []);
    assert.deepEqual(keysOf(generateKeyPairSync('ed448').publicKey), []);
    assert.deepEqual(keysOf(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey), []);
  });
});
