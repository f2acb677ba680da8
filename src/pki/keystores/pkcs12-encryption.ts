import { type Cipheriv, createCipheriv, pbkdf2Sync } from 'node:crypto';
import { encodeOid } from '../der/oid.ts';
import { tag } from '../der/tag.ts';
import { encode, octetString, sequence, unsignedInteger } from '../der/writer.ts';
import { derivePkcs12, pkcs12Password } from './pkcs12-kdf.ts';
import { encryptRc2Cbc } from './rc2.ts';

export interface Encrypted {
  /** The AlgorithmIdentifier with salt and iterations. */
  readonly algorithm: Buffer;
  readonly content: Buffer;
}

/** One way to encrypt with a password. */
export type PasswordEncryption = (
  plain: Buffer,
  password: string,
  randomBytes: (size: number) => Uint8Array,
) => Encrypted;

/** What go-pkcs12 uses in every profile, and OpenSSL by default. */
const iterations = 2048;

/** PBES2 (RFC 8018 §6.2) with PBKDF2, HMAC-SHA-256 and AES-256-CBC. The password is UTF-8 here, as all readers have it. */
export const pbes2Aes256: PasswordEncryption = (plain, password, randomBytes) => {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const key = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const derivation = sequence(
    encodeOid('1.2.840.113549.1.5.12'),
    sequence(
      octetString(salt),
      encodeIterations(iterations),
      sequence(encodeOid('1.2.840.113549.2.9'), encode(tag.null)),
    ),
  );
  const cipher = sequence(encodeOid('2.16.840.1.101.3.4.1.42'), octetString(iv));
  return {
    algorithm: sequence(encodeOid('1.2.840.113549.1.5.13'), sequence(derivation, cipher)),
    content: finish(createCipheriv('aes-256-cbc', key, iv), plain),
  };
};

/** pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292 appendix C). */
export const pbeTripleDes = pbes1('1.2.840.113549.1.12.1.3', 24, (key, iv, plain) =>
  finish(createCipheriv('des-ede3-cbc', key, iv), plain),
);

/** pbewithSHAAnd40BitRC2-CBC (RFC 7292 appendix C). */
export const pbeRc2 = pbes1('1.2.840.113549.1.12.1.6', 5, (key, iv, plain) =>
  encryptRc2Cbc({ key, effectiveBits: 40 }, iv, plain),
);

export function encodeIterations(count: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(count);
  return unsignedInteger(octets);
}

function pbes1(
  oid: string,
  keyLength: number,
  encrypt: (key: Buffer, iv: Buffer, plain: Buffer) => Buffer,
): PasswordEncryption {
  return (plain, password, randomBytes) => {
    const salt = randomBytes(8);
    const secret = { password: pkcs12Password(password), salt, digest: 'sha1', iterations } as const;
    return {
      algorithm: sequence(encodeOid(oid), sequence(octetString(salt), encodeIterations(iterations))),
      content: encrypt(derivePkcs12('key', secret, keyLength), derivePkcs12('iv', secret, 8), plain),
    };
  };
}

function finish(cipher: Cipheriv, plain: Buffer): Buffer {
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}
