import type { KeyObject } from 'node:crypto';
import {
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

/** The key stores and trust stores that a volume asks for, and the file of their password. No anchors, no trust store. */
export function renderKeystores(
  { jks, password, pkcs12 }: KeystoresSpec,
  key: KeyObject,
  { anchors, chain }: IssuedMaterial,
  passwords: KeystorePasswords | undefined,
): ReadonlyMap<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>();
  const hasAnchors = anchors.length > 0;
  if (pkcs12 !== undefined) {
    const { keystore, profile, truststore } = pkcs12;
    const shared = { password: known(passwords?.pkcs12), profile };
    files.set(keystore, encodePkcs12Keystore({ key, chain, alias: defaultAlias, ...shared }));
    if (truststore !== undefined && hasAnchors)
      files.set(truststore, encodePkcs12Truststore({ anchors, ...shared }));
  }
  if (jks !== undefined) {
    const { alias, keystore, truststore } = jks;
    const shared = { password: known(passwords?.jks), at: chain[0].notBefore };
    files.set(keystore, encodeJksKeystore({ key, chain, alias, ...shared }));
    if (truststore !== undefined && hasAnchors)
      files.set(truststore, encodeJksTruststore({ anchors, ...shared }));
  }
  // Without a newline: there are programs that take a whole file for the password.
  if (password.from === 'file') files.set(password.file, known(passwords?.pkcs12 ?? passwords?.jks));
  return files;
}

function known(password: string | undefined): string {
  if (password === undefined) throw new Error('a key store was to be made without its password');
  return password;
}
