import { DerReader } from '../der/reader.ts';
import { contextConstructed, contextPrimitive, tag } from '../der/tag.ts';
import { readTime } from '../der/time.ts';
import { PkiError } from '../errors.ts';
import { decodeExtensions } from '../extensions/decode-extensions.ts';
import { type Extension, readExtensions } from '../extensions/extension.ts';
import { isPolicyForNobody } from '../extensions/policies.ts';
import { decodePublicKey } from '../keys/encode-key.ts';
import { decodeSubject } from '../names/subject.ts';
import { decodePem, decodeSinglePem, encodePem } from '../pem.ts';
import type { Certificate } from './certificate.ts';

export const maxCertificateLength = 64 * 1024;
export const maxChainLength = 1024 * 1024;

const label = 'CERTIFICATE';
const what = 'the certificate';

/** Decodes a PEM text of exactly one certificate. */
export function parseCertificate(pem: string): Certificate {
  return decodeCertificate(decodeSinglePem(pem, what, maxCertificateLength, [label]).der);
}

/** Decodes a PEM text of one or more certificates, in the order in which they stand. */
export function parseChain(pem: string): Certificate[] {
  return decodePem(pem, 'the certificate chain', maxChainLength).map((block) => {
    if (block.label !== label)
      throw new PkiError('malformed', `the certificate chain has a PEM block "${block.label}" in it`);
    return decodeCertificate(block.der);
  });
}

/** Decodes the DER of a certificate. The buffer is kept and must not change. */
export function decodeCertificate(der: Buffer): Certificate {
  if (der.length > maxCertificateLength)
    throw new PkiError(
      'too-large',
      `${what} has ${der.length} bytes; at most ${maxCertificateLength} are read`,
    );
  const document = new DerReader(der, what);
  const outer = document.enter();
  document.end();
  const signedPart = outer.read(tag.sequence);
  const algorithm = outer.read(tag.sequence).encoded;
  const signature = outer.octetAlignedBits();
  outer.end();

  const fields = outer.within(signedPart);
  const version = readVersion(fields);
  const serialNumber = readSerialNumber(fields);
  if (!fields.read(tag.sequence).encoded.equals(algorithm))
    throw fields.malformed('the signature algorithms in it and beside it differ');
  const issuer = decodeSubject(fields.read(tag.sequence).encoded, `the issuer of ${what}`);
  const validity = fields.enter();
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  validity.end();
  const subject = decodeSubject(fields.read(tag.sequence).encoded, `the subject of ${what}`);
  const publicKey = decodePublicKey(fields.read(tag.sequence).encoded);
  // issuerUniqueID and subjectUniqueID, which nobody uses.
  fields.optional(contextPrimitive(1));
  fields.optional(contextPrimitive(2));
  const extensionList = fields.optional(contextConstructed(3));
  fields.end();
  if (extensionList !== undefined && version !== 3) throw fields.malformed('only version 3 has extensions');
  const encoded = readAll(extensionList && fields.within(extensionList));
  const extensions = decodeExtensions(encoded);

  const { usages, keyUsageCritical, basicConstraints, subjectKeyId, authorityKeyId, nameConstraints } =
    extensions;
  return {
    version,
    pem: encodePem(label, der),
    der,
    subject,
    issuer,
    serialNumber,
    notBefore,
    notAfter,
    publicKey,
    altNames: extensions.altNames,
    sanCritical: extensions.sanCritical,
    ...(usages && { usages }),
    ...(keyUsageCritical !== undefined && { keyUsageCritical }),
    ...(basicConstraints ?? { isCA: false }),
    ...(subjectKeyId !== undefined && { subjectKeyId }),
    ...(authorityKeyId !== undefined && { authorityKeyId }),
    ...(nameConstraints && { nameConstraints: nameConstraints.value }),
    unknownCriticalExtensions: extensions.unknown.flatMap(({ oid, critical }) =>
      critical && !isPolicyForNobody(oid, encoded.get(oid)?.value ?? nothing) ? [oid] : [],
    ),
    signed: { part: signedPart.encoded, algorithm, signature },
  };
}

const nothing = Buffer.alloc(0);

function readVersion(fields: DerReader): 1 | 2 | 3 {
  const explicit = fields.optional(contextConstructed(0));
  if (explicit === undefined) return 1;
  const inner = fields.within(explicit);
  const version = inner.smallInteger();
  inner.end();
  if (version === 0) return 1;
  if (version === 1) return 2;
  if (version === 2) return 3;
  throw new PkiError('unsupported', `${what} has version ${version + 1}: 1 to 3 exist`);
}

/** RFC 5280 §4.1.2.2: at most 20 octets, not negative. Zero exists in old roots. */
function readSerialNumber(fields: DerReader): string {
  const octets = fields.integer(21);
  const [first = 0] = octets;
  if (first >= 0x80) throw fields.malformed('its serial number is negative');
  const magnitude = first === 0 && octets.length > 1 ? octets.subarray(1) : octets;
  if (magnitude.length > 20) throw fields.malformed('its serial number is longer than 20 octets');
  return magnitude.toString('hex');
}

function readAll(list: DerReader | undefined): Map<string, Extension> {
  if (list === undefined) return new Map();
  const extensions = readExtensions(list);
  list.end();
  return extensions;
}
