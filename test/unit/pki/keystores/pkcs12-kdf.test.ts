import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { derivePkcs12, pkcs12Password } from '../../../../src/pki/keystores/pkcs12-kdf.ts';
import { openssl } from '../support/openssl.ts';

describe('the key derivation of PKCS #12', () => {
  it('gives the known results of Go, also where a block grows a leading zero', () => {
    const secret = { digest: 'sha1', iterations: 2048 } as const;
    const sesame = { ...secret, password: pkcs12Password('sesame'), salt: Buffer.alloc(8, 0xff) };
    assert.equal(
      derivePkcs12('key', sesame, 24).toString('hex'),
      '7cd9fd3e2b3be7691a44e3bef0f9ea0fb9b897d4e325d9d1',
    );
    const zero = { ...secret, password: pkcs12Password(''), salt: Buffer.from('f37e05b518324b4b', 'hex') };
    assert.equal(
      derivePkcs12('key', zero, 24).toString('hex'),
      '00f759ff47d14dd03665d5943cb3c4a39a2555c02aed66e1',
    );
  });

  it('gives what openssl gives, for every purpose, digest and length', () => {
    const ids = { key: 1, iv: 2, mac: 3 } as const;
    for (const [purpose, digest, iterations, length, password] of [
      ['key', 'sha1', 2048, 5, 'secret'],
      ['iv', 'sha1', 2048, 8, 'Grüße aus Łódź'],
      ['mac', 'sha256', 2048, 32, 'secret'],
      ['mac', 'sha1', 1, 20, 'longer than one block of the digest, which is sixty-four octets'],
      ['key', 'sha256', 3, 100, 'more than three digests'],
    ] as const) {
      const secret = {
        digest,
        iterations,
        password: pkcs12Password(password),
        salt: Buffer.from('0123456789'),
      };
      const theirs = openssl([
        ...['kdf', '-keylen', String(length), '-kdfopt', `digest:${digest}`, '-kdfopt', `id:${ids[purpose]}`],
        ...['-kdfopt', `hexpass:${secret.password.toString('hex')}`],
        ...[
          '-kdfopt',
          `hexsalt:${secret.salt.toString('hex')}`,
          '-kdfopt',
          `iter:${iterations}`,
          'PKCS12KDF',
        ],
      ]);
      assert.equal(
        derivePkcs12(purpose, secret, length).toString('hex'),
        theirs.trim().replaceAll(':', '').toLowerCase(),
      );
    }
  });
});
