import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Checks with OpenSSL that the volume holds one whole set; gives the serial number. */
export function assertWhole(targetPath: string): string {
  const file = (name: string): string => join(targetPath, name);
  const publicKey = openssl('x509', '-in', file('tls.crt'), '-noout', '-pubkey');
  assert.equal(
    openssl('pkey', '-in', file('tls.key'), '-pubout'),
    publicKey,
    'the key is that of the certificate',
  );
  const issuer = ['-partial_chain', '-CAfile', file('ca.crt'), '-untrusted', file('tls.crt')];
  assert.match(openssl('verify', ...issuer, file('tls.crt')), /: OK$/m);
  const bundle = readFileSync(file('credential-bundle.pem'), 'utf8');
  assert.ok(bundle.endsWith(readFileSync(file('tls.crt'), 'utf8')));
  assert.ok(isMatching(bundle));
  assert.ok(!readdirSync(targetPath).includes('..pending'));
  return serialNumber(targetPath);
}

export function serialNumber(targetPath: string): string {
  return new X509Certificate(readFileSync(join(targetPath, 'tls.crt'))).serialNumber;
}

/** Whether the key and the first certificate of a bundle belong together. */
export function isMatching(bundle: string): boolean {
  return new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERTIFICATE'))).checkPrivateKey(
    createPrivateKey(bundle),
  );
}

export function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
