import {
  encodeSubject,
  isEmptySubject,
  parseDistinguishedName,
  type Subject,
} from '../../../../pki/index.ts';
import type { AttributeReader } from '../attribute-reader.ts';
import type { AttributeName } from '../known-attributes.ts';

/** RFC 5280 appendix A, ub-common-name. */
const longestCommonName = 64;

const lists = [
  ['organizations', 'organizations'],
  ['organizationalunits', 'organizationalUnits'],
  ['countries', 'countries'],
  ['provinces', 'provinces'],
  ['localities', 'localities'],
  ['streetaddresses', 'streetAddresses'],
  ['postalcodes', 'postalCodes'],
] as const satisfies readonly (readonly [AttributeName, keyof Subject])[];

const parts: readonly AttributeName[] = [
  'common-name',
  ...lists.map(([attribute]) => attribute),
  'serialnumber',
];

/** The subject as a whole by literal-subject, or by its parts; empty without any. */
export function readSubject(reader: AttributeReader, isCA: boolean): Subject {
  const literal = reader.expanded('literal-subject');
  const subject = literal === undefined ? readParts(reader) : readLiteral(reader, literal);
  if (isCA && isEmptySubject(subject))
    // RFC 5280 §4.1.2.6
    throw reader.refuse('common-name', 'must be set when is-ca is true, or another part of the subject');
  return subject;
}

function readLiteral(reader: AttributeReader, literal: string): Subject {
  const other = parts.find((part) => reader.isGiven(part));
  if (other !== undefined)
    throw reader.refuse(other, 'literal-subject is the whole subject: leave this out, or literal-subject');
  return reader.checked('literal-subject', () => parseDistinguishedName(literal));
}

function readParts(reader: AttributeReader): Subject {
  const commonName = readCommonName(reader);
  const serialNumber = reader.expanded('serialnumber');
  if (serialNumber !== undefined) reader.checked('serialnumber', () => encodeSubject({ serialNumber }));
  const subject: { -readonly [Field in keyof Subject]: Subject[Field] } = {
    ...(commonName !== undefined && { commonName }),
    ...(serialNumber !== undefined && { serialNumber }),
  };
  for (const [attribute, field] of lists) {
    const values = reader.quotedList(attribute);
    reader.checked(attribute, () => encodeSubject({ [field]: values }));
    if (values.length > 0) subject[field] = values;
  }
  return subject;
}

function readCommonName(reader: AttributeReader): string | undefined {
  const name = reader.expanded('common-name');
  if (name === undefined) return undefined;
  if (Buffer.byteLength(name) > longestCommonName) {
    throw reader.refuse(
      'common-name',
      `${JSON.stringify(name)} is longer than ${longestCommonName} bytes: use dns-names`,
    );
  }
  reader.checked('common-name', () => encodeSubject({ commonName: name }));
  return name;
}
