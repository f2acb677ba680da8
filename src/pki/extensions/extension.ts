import { decodeOid, encodeOid } from '../der/oid.ts';
import type { DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { booleanTrue, octetString, sequence } from '../der/writer.ts';
import { PkiError } from '../errors.ts';

/** Object identifiers of extensions (RFC 5280 §4.2). */
export const extensionOid = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
} as const;

export interface Extension {
  readonly critical: boolean;
  /** What the OCTET STRING holds. */
  readonly value: Buffer;
}

const encodedOids = new Map(Object.values(extensionOid).map((oid) => [oid as string, encodeOid(oid)]));

export function encodeExtension(oid: string, critical: boolean, value: Uint8Array): Buffer {
  const identifier = encodedOids.get(oid) ?? encodeOid(oid);
  // DEFAULT FALSE is not encoded (X.690 §11.5).
  return critical
    ? sequence(identifier, booleanTrue(), octetString(value))
    : sequence(identifier, octetString(value));
}

/**
 * Reads Extensions by their object identifiers.
 *
 * One that stands there twice is an error (RFC 5280 §4.2): programs differ in which of them they believe.
 */
export function readExtensions(document: DerReader): Map<string, Extension> {
  const list = document.enter();
  const extensions = new Map<string, Extension>();
  while (!list.atEnd) {
    const extension = list.enter();
    const oid = decodeOid(extension.read(tag.oid).content);
    const critical = extension.nextTag === tag.boolean && extension.boolean();
    const { content } = extension.read(tag.octetString);
    extension.end();
    if (extensions.has(oid)) throw new PkiError('malformed', `extension ${oid} is there more than once`);
    extensions.set(oid, { critical, value: content });
  }
  return extensions;
}
