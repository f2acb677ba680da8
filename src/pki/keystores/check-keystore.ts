import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import { keySpecOf, samePublicKey } from '../keys/key-spec.ts';

/** A key and the certificates that belong to it. */
export interface KeystoreEntry {
  readonly key: KeyObject;
  /** The leaf first, then intermediates. */
  readonly chain: readonly Certificate[];
  /** Of the store and of the key in it. */
  readonly password: string;
  /** Java finds the key under it, and takes upper and lower case for the same. */
  readonly alias: string;
}

export interface KeystoreDependencies {
  readonly randomBytes: (size: number) => Uint8Array;
}

const maxAliasLength = 255;

/** @returns the leaf */
export function checkKeystoreEntry({ key, chain, password, alias }: KeystoreEntry): Certificate {
  checkKeystorePassword(password);
  if (alias === '' || alias.length > maxAliasLength || isBeyondStores(alias))
    throw new PkiError(
      'invalid-keystore',
      `the alias ${JSON.stringify(alias)} of a key store has to be 1 to ${maxAliasLength} characters of the basic multilingual plane`,
    );
  keySpecOf(key);
  const [leaf] = chain;
  if (leaf === undefined || !samePublicKey(key, leaf.publicKey))
    throw new PkiError('invalid-keystore', 'a key store begins with the certificate of its key');
  return leaf;
}

/**
 * Checks what every format can carry. Java reads PKCS #12 only under passwords of ASCII, but OpenSSL, Go and .NET any
 * that pass here.
 */
export function checkKeystorePassword(password: string): void {
  if (password === '')
    throw new PkiError('invalid-keystore', 'the password of a key store is empty: Java and others refuse it');
  if (isBeyondStores(password))
    throw new PkiError(
      'invalid-keystore',
      'the password of a key store has a NUL, or a character outside the basic multilingual plane such as an emoji',
    );
}

/** Halves of surrogate pairs, which are what lies outside the BMP; and NUL, at which programs in C stop. */
function isBeyondStores(text: string): boolean {
  return /[\0\ud800-\udfff]/.test(text);
}
