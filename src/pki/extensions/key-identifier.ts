import { hash } from 'node:crypto';
import { DerReader } from '../der/reader.ts';
import { contextPrimitive, tag } from '../der/tag.ts';
import { encode, octetString, sequence } from '../der/writer.ts';

/**
 * The leftmost 160 bits of the SHA-256 of the key itself (RFC 7093 §2, method 1).
 *
 * @param publicKey SubjectPublicKeyInfo
 */
export function keyIdentifierOf(publicKey: Buffer): Buffer {
  const info = new DerReader(publicKey, 'the public key').enter();
  info.read(tag.sequence);
  return hash('sha256', info.octetAlignedBits(), 'buffer').subarray(0, 20);
}

export function encodeSubjectKeyIdentifier(identifier: Uint8Array): Buffer {
  return octetString(identifier);
}

export function decodeSubjectKeyIdentifier(value: Buffer): string {
  const document = new DerReader(value, 'the subject key identifier');
  const { content } = document.read(tag.octetString);
  document.end();
  return content.toString('hex');
}

export function encodeAuthorityKeyIdentifier(identifier: Uint8Array): Buffer {
  return sequence(encode(contextPrimitive(0), identifier));
}

/** The keyIdentifier; issuer and serial number, which may stand beside it, are not used. */
export function decodeAuthorityKeyIdentifier(value: Buffer): string | undefined {
  const document = new DerReader(value, 'the authority key identifier');
  const fields = document.enter();
  document.end();
  return fields.optional(contextPrimitive(0))?.content.toString('hex');
}
