import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodePrivateKey, encodePrivateKey, type KeyEncoding } from '../../../../src/pki/keys/encode-key.ts';
import { allKeySpecs, describeSpec, makeKey } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';
import { openssl } from '../support/openssl.ts';

const encodingsOf: Record<string, readonly KeyEncoding[]> = {
  RSA: ['PKCS1', 'PKCS8'],
  ECDSA: ['SEC1', 'PKCS8'],
  Ed25519: ['PKCS8'],
};
const firstLine = { PKCS1: 'RSA PRIVATE KEY', SEC1: 'EC PRIVATE KEY', PKCS8: 'PRIVATE KEY' };

for (const spec of allKeySpecs) {
  describe(`a private key ${describeSpec(spec)}`, () => {
    for (const encoding of encodingsOf[spec.algorithm] ?? [])
      it(`comes back from ${encoding}, and openssl reads it as the same key`, async () => {
        const key = await makeKey(spec);
        const pem = encodePrivateKey(key, encoding);
        assert.ok(pem.startsWith(`-----BEGIN ${firstLine[encoding]}-----\n`));
        assert.ok(decodePrivateKey(pem).equals(key));
        const checked = openssl(['pkey', '-in', '@key.pem', '-check', '-noout'], { 'key.pem': pem });
        assert.match(checked, /Key is valid/);
        const theirs = openssl(['pkey', '-in', '@key.pem'], { 'key.pem': pem });
        assert.equal(theirs, encodePrivateKey(key, 'PKCS8'));
      });

    it('has no other encoding', async () => {
      const key = await makeKey(spec);
      for (const encoding of ['PKCS1', 'SEC1', 'PKCS8'] as const)
        if (!encodingsOf[spec.algorithm]?.includes(encoding))
          assert.throws(
            () => encodePrivateKey(key, encoding),
            failsWith('invalid-key', new RegExp(encoding)),
          );
    });
  });
}

describe('reading a private key', () => {
  it('takes what openssl writes, with the curve in front', () => {
    const pem = openssl(['ecparam', '-name', 'prime256v1', '-genkey']);
    assert.match(pem, /BEGIN EC PARAMETERS/);
    assert.equal(decodePrivateKey(pem).asymmetricKeyType, 'ec');
  });

  it('refuses an encrypted one and says so', () => {
    const pem = openssl(['genpkey', '-algorithm', 'ED25519', '-aes256', '-pass', 'pass:secret']);
    assert.throws(
      () => decodePrivateKey(pem),
      failsWith('invalid-key', /"ENCRYPTED PRIVATE KEY" is not .* in the clear/),
    );
  });

  it('refuses garbage, two keys, public keys and wrong labels, without showing any of it', async () => {
    const good = encodePrivateKey(await makeKey(), 'PKCS8');
    const publicKey = openssl(['pkey', '-in', '@key.pem', '-pubout'], { 'key.pem': good });
    const secret = good.split('\n')[1] ?? '';
    for (const [pem, reason] of [
      ['', 'malformed'],
      [good + good, 'malformed'],
      [good.replaceAll('PRIVATE KEY', 'RSA PRIVATE KEY'), 'malformed'],
      [good.replaceAll('PRIVATE KEY', 'EC PRIVATE KEY'), 'malformed'],
      [good.replace(/\n.{8}/, '\nAAAAAAAA'), 'malformed'],
      [publicKey, 'invalid-key'],
      [good.slice(0, 100), 'malformed'],
      [good.padEnd(20_000), 'too-large'],
    ] as const)
      assert.throws(
        () => decodePrivateKey(pem),
        (error: unknown) => failsWith(reason)(error) && !String(error).includes(secret),
      );
  });
});
