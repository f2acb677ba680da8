import { decodeOid, encodeOid } from '../der/oid.ts';
import { DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { decodeText, encodeText, isPrintable } from '../der/text.ts';
import { encode, sequence } from '../der/writer.ts';
import { PkiError } from '../errors.ts';

/** A distinguished name, by the attributes that certificates of machines use. */
export interface Subject {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly organizationalUnits?: readonly string[];
  /** ISO 3166 codes of two letters. */
  readonly countries?: readonly string[];
  readonly provinces?: readonly string[];
  readonly localities?: readonly string[];
  readonly streetAddresses?: readonly string[];
  readonly postalCodes?: readonly string[];
  readonly serialNumber?: string;
  /** The DER Name. When set it is the subject, octet by octet, and the other fields only show what is in it. */
  readonly raw?: Uint8Array;
}

type AttributeField = Exclude<keyof Subject, 'raw'>;

export interface SubjectAttribute {
  readonly field: AttributeField;
  readonly oid: string;
  /** In characters (RFC 5280 appendix A.1, ub-…). */
  readonly maxLength: number;
  /** As RFC 4514 §3 and OpenSSL write it. */
  readonly shortName: string;
}

/** In the order in which they are encoded: from the largest to the smallest, as Go and OpenSSL do. */
export const subjectAttributes: readonly SubjectAttribute[] = [
  { field: 'countries', oid: '2.5.4.6', maxLength: 2, shortName: 'C' },
  { field: 'organizations', oid: '2.5.4.10', maxLength: 64, shortName: 'O' },
  { field: 'organizationalUnits', oid: '2.5.4.11', maxLength: 64, shortName: 'OU' },
  { field: 'localities', oid: '2.5.4.7', maxLength: 128, shortName: 'L' },
  { field: 'provinces', oid: '2.5.4.8', maxLength: 128, shortName: 'ST' },
  { field: 'streetAddresses', oid: '2.5.4.9', maxLength: 128, shortName: 'street' },
  { field: 'postalCodes', oid: '2.5.4.17', maxLength: 40, shortName: 'postalCode' },
  { field: 'commonName', oid: '2.5.4.3', maxLength: 64, shortName: 'CN' },
  { field: 'serialNumber', oid: '2.5.4.5', maxLength: 64, shortName: 'serialNumber' },
];
const attributeByOid = new Map(subjectAttributes.map((attribute) => [attribute.oid, attribute]));
const encodedOid = new Map(subjectAttributes.map(({ oid }) => [oid, encodeOid(oid)]));

/** Encodes a Name (RFC 5280 §4.1.2.4), one attribute in each relative distinguished name. */
export function encodeSubject(subject: Subject): Buffer {
  if (subject.raw !== undefined) {
    const raw = Buffer.from(subject.raw);
    decodeSubject(raw);
    return raw;
  }
  const names: Buffer[] = [];
  for (const attribute of subjectAttributes)
    for (const value of valuesOf(subject, attribute.field))
      names.push(
        encode(
          tag.set,
          sequence(
            encodedOid.get(attribute.oid) ?? encodeOid(attribute.oid),
            encodeAttributeValue(attribute, value),
          ),
        ),
      );
  return sequence(...names);
}

/** Decodes a Name; attributes without a field of their own stay in `raw` only. */
export function decodeSubject(encoded: Buffer, what = 'the subject'): Subject {
  const names: Partial<Record<AttributeField, string[]>> = {};
  forEachAttribute(encoded, what, (oid, value) => {
    const field = attributeByOid.get(oid)?.field;
    if (field !== undefined) (names[field] ??= []).push(value);
  });
  const { commonName, serialNumber, ...lists } = names;
  return {
    ...lists,
    // Several common names: the last is the most specific.
    ...(commonName && { commonName: commonName.at(-1) ?? '' }),
    ...(serialNumber && { serialNumber: serialNumber.at(-1) ?? '' }),
    raw: encoded,
  };
}

/** One attribute of a Name as it is encoded, whether or not {@link Subject} has a field for it. */
export interface EncodedAttribute {
  readonly oid: string;
  readonly field: AttributeField | undefined;
  /** A value that is no text is "#" and its DER in hexadecimal. */
  readonly value: string;
  readonly isText: boolean;
}

/** Every attribute, also of repeated ones each: what a certificate with this subject says to whoever reads it. */
export function listAttributes(subject: Subject): EncodedAttribute[] {
  const attributes: EncodedAttribute[] = [];
  forEachAttribute(encodeSubject(subject), 'the subject', (oid, value, _first, isText) => {
    attributes.push({ oid, field: attributeByOid.get(oid)?.field, value, isText });
  });
  return attributes;
}

/** True for a Name without any attribute. */
export function isEmptySubject(subject: Subject): boolean {
  if (subject.raw !== undefined) return subject.raw.length <= emptyNameLength;
  return subjectAttributes.every(({ field }) => valuesOf(subject, field).length === 0);
}

/** The text of RFC 4514, the last relative distinguished name first; for people, not for comparing. */
export function formatSubject(subject: Subject): string {
  const parts: string[] = [];
  forEachAttribute(encodeSubject(subject), 'the subject', (oid, value, first, isText) => {
    const text = `${attributeByOid.get(oid)?.shortName ?? oid}=${isText ? escapeValue(value) : value}`;
    if (first) parts.unshift(text);
    else parts[0] += `+${text}`;
  });
  return parts.join(',');
}

/**
 * The relative distinguished names in a form for comparing: case, spaces and string types do not count
 * (RFC 5280 §7.1).
 */
export function comparableNames(encoded: Buffer): string[] {
  const names: string[][] = [];
  forEachAttribute(encoded, 'the name', (oid, value, first) => {
    const text = `${oid}=${value.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()}`;
    if (first) names.push([text]);
    else names.at(-1)?.push(text);
  });
  return names.map((name) => JSON.stringify(name.sort()));
}

/** SEQUENCE, length 0. */
const emptyNameLength = 2;

function valuesOf(subject: Subject, field: AttributeField): readonly string[] {
  const value = subject[field];
  if (value === undefined) return [];
  if (typeof value !== 'string') return value;
  return value === '' ? [] : [value];
}

/** The value of an attribute in DER; refused when no certificate can carry it. */
export function encodeAttributeValue({ field, maxLength }: SubjectAttribute, value: string): Buffer {
  const refuse = (problem: string): never => {
    throw new PkiError('invalid-name', `subject ${field} ${JSON.stringify(value)} ${problem}`);
  };
  if (value === '') refuse('is empty');
  if (!value.isWellFormed() || hasControlCharacter(value))
    refuse('has characters that no certificate can carry');
  if (field === 'countries' && !/^[A-Za-z]{2}$/.test(value)) refuse('is not a country code of two letters');
  if (Array.from(value).length > maxLength) refuse(`is longer than ${maxLength} characters`);
  if (field === 'serialNumber' && !isPrintable(value))
    refuse("may only have letters, digits, spaces and '()+,-./:=?");
  return encodeText(value);
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function forEachAttribute(
  encoded: Buffer,
  what: string,
  visit: (oid: string, value: string, first: boolean, isText: boolean) => void,
): void {
  const document = new DerReader(encoded, what);
  const name = document.enter();
  document.end();
  while (!name.atEnd) {
    const set = name.enter(tag.set);
    let first = true;
    do {
      const attribute = set.enter();
      const oid = decodeOid(attribute.read(tag.oid).content);
      const value = attribute.any();
      attribute.end();
      const text = decodeText(value);
      // Attributes of other types than strings exist (uniqueIdentifier); ours are strings.
      if (text === undefined && attributeByOid.has(oid))
        throw set.malformed(`attribute ${oid} is not a text`);
      // Programs in C would read the name only up to there.
      if (text?.includes('\0')) throw set.malformed(`attribute ${oid} has a NUL in it`);
      visit(oid, text ?? `#${value.encoded.toString('hex')}`, first, text !== undefined);
      first = false;
    } while (!set.atEnd);
  }
}

/** RFC 4514 §2.4. */
function escapeValue(value: string): string {
  return value
    .replace(/[\\"+,;<>]|^[ #]| $/g, '\\$&')
    .replace(/\p{Cc}/gu, (character) =>
      [...Buffer.from(character)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join(''),
    );
}
