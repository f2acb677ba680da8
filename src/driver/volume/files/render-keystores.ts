import type { KeyObject } from 'node:crypto';
import {
  type Certificate,
  encodeJksKeystore,
  encodeJksTruststore,
  encodePkcs12Keystore,
  encodePkcs12Truststore,
} from '../../../pki/index.ts';
import type { KeystorePasswords } from '../passwords.ts';
import type { KeystoresSpec } from '../volume-spec.ts';
import type { IssuedMaterial } from './render-generation.ts';

/** Java and others find the entry by this name where nobody has chosen one; cert-manager calls it the same. */
const defaultAlias = 'certificate';

/** The key stores that a volume asks for, and the file of their password. */
export function renderKeystores(
  { jks, password, pkcs12 }: KeystoresSpec,
  key: KeyObject,
  chain: IssuedMaterial['chain'],
  passwords: KeystorePasswords | undefined,
): ReadonlyMap<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>();
  if (pkcs12 !== undefined) {
    const { keystore, profile } = pkcs12;
    const secret = known(passwords?.pkcs12);
    files.set(keystore, encodePkcs12Keystore({ key, chain, alias: defaultAlias, password: secret, profile }));
  }
  if (jks !== undefined) {
    const { alias, keystore } = jks;
    const secret = known(passwords?.jks);
    files.set(keystore, encodeJksKeystore({ key, chain, alias, password: secret, at: chain[0].notBefore }));
  }
  // Without a newline: there are programs that take a whole file for the password.
  if (password.from === 'file') files.set(password.file, known(passwords?.pkcs12 ?? passwords?.jks));
  return files;
}

/**
 * The trust stores beside them.
 *
 * @param anchors at least one
 * @param at the time of entry that a JKS has for each
 */
export function renderTruststores(
  { jks, pkcs12 }: KeystoresSpec,
  anchors: readonly Certificate[],
  at: Date,
  passwords: KeystorePasswords | undefined,
): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  if (pkcs12?.truststore !== undefined) {
    const { profile, truststore } = pkcs12;
    files.set(truststore, encodePkcs12Truststore({ anchors, password: known(passwords?.pkcs12), profile }));
  }
  if (jks?.truststore !== undefined)
    files.set(jks.truststore, encodeJksTruststore({ anchors, password: known(passwords?.jks), at }));
  return files;
}

function known(password: string | undefined): string {
  if (password === undefined) throw new Error('a key store was to be made without its password');
  return password;
}
