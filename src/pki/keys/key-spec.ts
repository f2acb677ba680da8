import { createPublicKey, type KeyObject } from 'node:crypto';
import { PkiError } from '../errors.ts';

/** What kind of key to make, or a key is. RSA in bits, from 2048 to 8192. */
export type KeySpec =
  | { readonly algorithm: 'RSA'; readonly size: number }
  | { readonly algorithm: 'ECDSA'; readonly size: 256 | 384 | 521 }
  | { readonly algorithm: 'Ed25519' };

/** The curves of FIPS 186 as OpenSSL names them. */
export const curveOf = { 256: 'prime256v1', 384: 'secp384r1', 521: 'secp521r1' } as const;

/** Checks what a user asked for. Ed25519 has one size, so a size given with it is ignored, as cert-manager does. */
export function checkKeySpec(spec: {
  readonly algorithm: string;
  readonly size?: number | undefined;
}): KeySpec {
  const { algorithm, size } = spec;
  switch (algorithm) {
    case 'RSA':
      if (size === undefined || !Number.isInteger(size) || size < 2048 || size > 8192)
        throw new PkiError('invalid-key', `RSA key size ${size} is not allowed: 2048 to 8192`);
      return { algorithm, size };
    case 'ECDSA':
      if (size !== 256 && size !== 384 && size !== 521)
        throw new PkiError('invalid-key', `ECDSA key size ${size} is not allowed: 256, 384 or 521`);
      return { algorithm, size };
    case 'Ed25519':
      return { algorithm };
    default:
      throw new PkiError('invalid-key', `key algorithm "${algorithm}" is not allowed: RSA, ECDSA or Ed25519`);
  }
}

/**
 * The kind of a private or public key.
 *
 * @throws PkiError for every other kind, and for an RSA key whose exponent would make others work hard to verify it
 */
export function keySpecOf(key: KeyObject): KeySpec {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const size = details?.modulusLength ?? 0;
      if (size < 2048 || size > 8192)
        throw new PkiError('invalid-key', `the key is RSA with ${size} bits: 2048 to 8192 are allowed`);
      const exponent = details?.publicExponent ?? 0n;
      // FIPS 186-5 §A.1.1 asks for more than 2^16; the upper bound is what Go verifies.
      if (exponent < 3n || exponent % 2n === 0n || exponent >= 1n << 31n)
        throw new PkiError(
          'invalid-key',
          'the RSA key has a public exponent that is even, below 3 or above 31 bits',
        );
      return { algorithm: 'RSA', size };
    }
    case 'ec': {
      if (details?.namedCurve === curveOf[256]) return { algorithm: 'ECDSA', size: 256 };
      if (details?.namedCurve === curveOf[384]) return { algorithm: 'ECDSA', size: 384 };
      if (details?.namedCurve === curveOf[521]) return { algorithm: 'ECDSA', size: 521 };
      const curve = details?.namedCurve ?? 'without a name';
      throw new PkiError(
        'invalid-key',
        `the key is ECDSA on the curve ${curve}: P-256, P-384 or P-521 are allowed`,
      );
    }
    case 'ed25519':
      return { algorithm: 'Ed25519' };
    default:
      throw new PkiError(
        'invalid-key',
        `the key is of type ${key.asymmetricKeyType ?? key.type}: RSA, ECDSA or Ed25519 are allowed`,
      );
  }
}

export function publicKeyOf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}

/** True when both, private or public, are of one key pair. */
export function samePublicKey(a: KeyObject, b: KeyObject): boolean {
  return publicKeyOf(a).equals(publicKeyOf(b));
}
