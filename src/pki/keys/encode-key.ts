import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { PkiError } from '../errors.ts';
import { decodePem, encodePem, type PemBlock } from '../pem.ts';

/** PKCS #1 is for RSA, SEC 1 for ECDSA, PKCS #8 for all. */
export type KeyEncoding = 'PKCS1' | 'SEC1' | 'PKCS8';

/** An RSA key of 8192 bits has 6.4 KB. */
const maxKeyLength = 16 * 1024;

/** `second` is what follows the version: the modulus, the private scalar, the algorithm. */
const formOf = {
  PKCS1: { type: 'pkcs1', keyType: 'rsa', label: 'RSA PRIVATE KEY', second: tag.integer },
  SEC1: { type: 'sec1', keyType: 'ec', label: 'EC PRIVATE KEY', second: tag.octetString },
  PKCS8: { type: 'pkcs8', keyType: undefined, label: 'PRIVATE KEY', second: tag.sequence },
} as const;

export interface EncodedKey {
  readonly der: Buffer;
  readonly pem: string;
}

/** Encodes a private key, once for both of its forms. */
export function exportPrivateKey(key: KeyObject, encoding: KeyEncoding): EncodedKey {
  const form = formOf[encoding];
  if (form.keyType !== undefined && form.keyType !== key.asymmetricKeyType)
    throw new PkiError('invalid-key', `a key of type ${key.asymmetricKeyType} has no encoding ${encoding}`);
  const der = key.export({ type: form.type, format: 'der' });
  return { der, pem: encodePem(form.label, der) };
}

/** Encodes a private key as PEM. */
export function encodePrivateKey(key: KeyObject, encoding: KeyEncoding): string {
  return exportPrivateKey(key, encoding).pem;
}

/** Decodes a private key in any of the encodings; it has to be in the clear. */
export function decodePrivateKey(pem: string): KeyObject {
  const block = singleKey(decodePem(pem, 'the private key', maxKeyLength));
  const form = Object.values(formOf).find(({ label }) => label === block.label);
  if (form === undefined)
    throw new PkiError('invalid-key', `a PEM block "${block.label}" is not a private key in the clear`);
  const document = new DerReader(block.der, 'the private key');
  const fields = document.enter();
  document.end();
  fields.smallInteger();
  // OpenSSL takes one form for another, and its errors are hard to read.
  fields.read(form.second);
  try {
    return createPrivateKey({ key: block.der, format: 'der', type: form.type });
  } catch (cause) {
    throw new PkiError('invalid-key', `the private key does not decode as ${form.label}`, { cause });
  }
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
export function encodePublicKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

export function decodePublicKey(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new PkiError('invalid-key', 'the public key does not decode, or is of an unknown kind', { cause });
  }
}

/** Refuses an EC key in another form than a named curve and an uncompressed point (RFC 5480 §2): most programs read no other. */
export function checkEcEncoding(der: Buffer, key: KeyObject): void {
  if (key.asymmetricKeyType !== 'ec') return;
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const point = Buffer.concat([
    Uint8Array.of(0x04),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ]);
  const fields = new DerReader(der, 'the public key').enter();
  const algorithm = fields.enter();
  algorithm.read(tag.oid);
  if (algorithm.nextTag !== tag.oid || !fields.octetAlignedBits().equals(point))
    throw new PkiError(
      'invalid-key',
      'the public key is not encoded as a named curve and an uncompressed point',
    );
}

/** `openssl ecparam -genkey` writes the curve before the key, which names it again. */
function singleKey(blocks: readonly PemBlock[]): PemBlock {
  const keys = blocks.filter(({ label }) => label !== 'EC PARAMETERS');
  const [key] = keys;
  if (key === undefined || keys.length !== 1)
    throw new PkiError('malformed', `the private key has ${keys.length} PEM blocks instead of one`);
  return key;
}
