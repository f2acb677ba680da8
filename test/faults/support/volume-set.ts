import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { generationName } from '../../../src/driver/volume/files/generation.ts';

/** What a container sees in a volume of the default preset: fails unless it is one whole set. */
export function wholeSet(targetPath: string): { readonly serialNumber: string } {
  const folder = realpathSync(join(targetPath, '..data'));
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const certificate = new X509Certificate(read('tls.crt'));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(read('tls.key'))), 'tls.key is that of tls.crt');
  assert.ok(certificate.verify(new X509Certificate(read('ca.crt')).publicKey), 'ca.crt verifies tls.crt');
  const names = readdirSync(folder).filter((name) => !name.startsWith('..'));
  if (names.includes('credential-bundle.pem')) {
    const bundle = read('credential-bundle.pem');
    assert.ok(certificate.checkPrivateKey(createPrivateKey(bundle)), 'the bundle has the key of tls.crt');
    assert.ok(bundle.endsWith(read('tls.crt')), 'the bundle has the same chain');
  }
  for (const name of names) {
    assert.notEqual(read(name), '', `${name} is not empty`);
    assert.equal(readFileSync(join(targetPath, name), 'utf8'), read(name), `${name} leads into ..data`);
  }
  return { serialNumber: certificate.serialNumber };
}

/** undefined while nothing could be opened yet. */
export function setIfAny(targetPath: string): { readonly serialNumber: string } | undefined {
  return existsSync(join(targetPath, '..data')) ? wholeSet(targetPath) : undefined;
}

/** Fails when steps of an earlier process lie about in a volume that is served. */
export function assertTidy(targetPath: string): void {
  const names = readdirSync(targetPath);
  assert.ok(!names.includes('..pending'), 'nothing is pending');
  assert.ok(!names.includes('..data_tmp'), 'no link is left');
  // The one before stays for readers that the change overtakes.
  const generations = names.filter((name) => generationName.test(name));
  assert.ok(generations.length <= 2, `${generations.length} generations`);
}

/** Every file below the folder, with its content, but for what is mounted there. */
export function filesOnDisk(folder: string): { readonly path: string; readonly text: string }[] {
  const device = lstatSync(folder).dev;
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (lstatSync(path).dev !== device) return [];
    if (entry.isDirectory()) return filesOnDisk(path);
    return entry.isFile() ? [{ path, text: readFileSync(path, 'latin1') }] : [];
  });
}

/** Pieces of a text that only a private key has: PEM, its base64, and a JWT. */
export const secrets = /PRIVATE KEY|UFJJVkFURSBLRV|QUklWQVRFIEtFW|BSSVZBVEUgS0VZ|eyJhbGciOi/;
