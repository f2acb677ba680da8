import { encodeOid } from '../der/oid.ts';
import { DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { decodeText, encodeText } from '../der/text.ts';
import { encode, sequence } from '../der/writer.ts';
import { PkiError } from '../errors.ts';
import { decodeSubject, encodeAttributeValue, type Subject, subjectAttributes } from './subject.ts';

/** Characters. Far above every name in use; what is longer is refused before it is read. */
const maxLength = 16_384;

const typePattern = / *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*) *= */y;
const hexPattern = /#((?:[0-9A-Fa-f]{2})+) */y;
/** `stringchar`, `pair` and `hexpair` of RFC 4514 §3; an equals sign need not be escaped in a value. */
const plainPattern = /[^\\"+,;<>]+/y;
const escapedPattern = /\\(?:([\\"+,;<>= #])|([0-9A-Fa-f]{2}))/y;
/** Arcs that a double holds exactly, and few enough for {@link decodeSubject}. */
const oidPattern = /^[012](?:\.(?:0|[1-9][0-9]{0,8})){1,12}$/;

/** Types without a field of their own in {@link Subject}; both strings are ASCII (RFC 4519 §2.4, RFC 5280 §4.1.2.6). */
const asciiTypes: ReadonlySet<string> = new Set(['0.9.2342.19200300.100.1.25', '1.2.840.113549.1.9.1']);
const oidByName: ReadonlyMap<string, string> = new Map([
  ...subjectAttributes.map(({ oid, shortName }) => [shortName.toLowerCase(), oid] as const),
  ['dc', '0.9.2342.19200300.100.1.25'],
  ['uid', '0.9.2342.19200300.100.1.1'],
  ['emailaddress', '1.2.840.113549.1.9.1'],
]);
const attributeByOid = new Map(subjectAttributes.map((attribute) => [attribute.oid, attribute]));

/**
 * Reads the text form of a distinguished name (RFC 4514), the most specific name first: `CN=api,OU=web+L=Bonn,O=x`.
 *
 * As in Go and OpenSSL the DER has them the other way round, the largest first. A semicolon separates like a comma, as
 * in RFC 2253. Types are short names in any case or dotted object identifiers; what cannot be in a certificate is refused.
 *
 * @throws {PkiError} `invalid-name`, saying where
 */
export function parseDistinguishedName(text: string): Subject {
  if (text.length > maxLength)
    throw new PkiError('invalid-name', `a distinguished name has at most ${maxLength} characters`);
  const cursor = new Cursor(text);
  const names: Buffer[] = [];
  do names.push(readName(cursor));
  while (cursor.takeSeparator());
  return decodeSubject(sequence(...names.reverse()));
}

/** A relative distinguished name: one attribute, or several that belong together. */
function readName(cursor: Cursor): Buffer {
  const attributes: Buffer[] = [];
  do attributes.push(readAttribute(cursor));
  while (cursor.take('+'));
  // DER orders the elements of a set by their octets (X.690 §11.6).
  return encode(tag.set, ...attributes.sort((a, b) => Buffer.compare(a, b)));
}

function readAttribute(cursor: Cursor): Buffer {
  const at = cursor.position;
  const type = cursor.match(typePattern)?.[1];
  if (type === undefined) throw cursor.refuse('expected TYPE=VALUE');
  const oid = /^[0-9]/.test(type) ? type : oidByName.get(type.toLowerCase());
  if (oid === undefined) {
    const known = [...oidByName.keys()].join(', ');
    throw cursor.refuse(
      `unknown type ${JSON.stringify(type)}: known are ${known} and dotted object identifiers`,
      at,
    );
  }
  if (!oidPattern.test(oid) || /^[01]\.(?:[4-9][0-9]|[0-9]{3})/.test(oid))
    throw cursor.refuse(`${JSON.stringify(type)} is not an object identifier`, at);
  const hex = cursor.match(hexPattern)?.[1];
  if (hex !== undefined) return sequence(encodeOid(oid), readDer(oid, hex));
  if (cursor.take('#'))
    throw cursor.refuse('after "#" the octets of a DER value are expected, in hexadecimal');
  return sequence(encodeOid(oid), encodeString(oid, readString(cursor)));
}

/** The text of a value; spaces around it count only when they are escaped. */
function readString(cursor: Cursor): string {
  const pieces: Buffer[] = [];
  let length = 0;
  let kept = 0;
  for (;;) {
    const plain = cursor.match(plainPattern)?.[0];
    if (plain !== undefined) {
      const octets = Buffer.from(plain);
      pieces.push(octets);
      let end = octets.length;
      while (octets[end - 1] === space) end--;
      if (end > 0) kept = length + end;
      length += octets.length;
      continue;
    }
    const escaped = cursor.match(escapedPattern);
    if (escaped === undefined) break;
    const [, character, hex = ''] = escaped;
    const octet = character === undefined ? Buffer.from(hex, 'hex') : Buffer.from(character);
    pieces.push(octet);
    length += octet.length;
    kept = length;
  }
  cursor.expectBoundary();
  try {
    return utf8.decode(Buffer.concat(pieces).subarray(0, kept));
  } catch {
    throw cursor.refuse('a value is not UTF-8');
  }
}

const space = 0x20;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function encodeString(oid: string, value: string): Buffer {
  const attribute = attributeByOid.get(oid);
  if (attribute !== undefined) return encodeAttributeValue(attribute, value);
  if (value === '' || /\p{Cc}/u.test(value) || !value.isWellFormed())
    throw new PkiError(
      'invalid-name',
      `subject ${oid} ${JSON.stringify(value)} is empty or has control characters`,
    );
  if (!asciiTypes.has(oid)) return encodeText(value);
  if (!/^[\x20-\x7e]*$/.test(value))
    throw new PkiError(
      'invalid-name',
      `subject ${oid} ${JSON.stringify(value)} may only have ASCII characters`,
    );
  return encode(tag.ia5String, Buffer.from(value, 'latin1'));
}

/** `#` and the octets of one DER element: how RFC 4514 writes what is no text. */
function readDer(oid: string, hex: string): Buffer {
  const document = new DerReader(Buffer.from(hex, 'hex'), 'the value');
  const element = document.any();
  document.end();
  const attribute = attributeByOid.get(oid);
  const text = decodeText(element);
  // What is no text is refused when the whole name is decoded.
  if (attribute !== undefined && text !== undefined) encodeAttributeValue(attribute, text);
  return element.encoded;
}

/** A place in a text, moved on by what matches there. */
class Cursor {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param pattern sticky */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.position += found[0].length;
    return found;
  }

  take(character: string): boolean {
    if (this.#text[this.position] !== character) return false;
    this.position += 1;
    return true;
  }

  /** False at the end of the text. */
  takeSeparator(): boolean {
    this.expectBoundary();
    return this.take(',') || this.take(';');
  }

  /** A value goes on to the end, or to what separates it from the next. */
  expectBoundary(): void {
    const character = this.#text[this.position];
    if (character === undefined || ',;+'.includes(character)) return;
    throw this.refuse(`${JSON.stringify(character)} must be escaped by a backslash`);
  }

  refuse(problem: string, at: number = this.position): PkiError {
    return new PkiError('invalid-name', `the distinguished name is wrong at character ${at + 1}: ${problem}`);
  }
}
