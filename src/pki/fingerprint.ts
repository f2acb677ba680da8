import { hash, type KeyObject } from 'node:crypto';
import { encodePublicKey } from './keys/encode-key.ts';
import { publicKeyOf } from './keys/key-spec.ts';

/** SHA-256 of a certificate, or of anything in DER; hexadecimal, lower case. */
export function fingerprint(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

/** SHA-256 of the SubjectPublicKeyInfo of a private or public key; hexadecimal, lower case. */
export function publicKeyFingerprint(key: KeyObject): string {
  return fingerprint(encodePublicKey(publicKeyOf(key)));
}
