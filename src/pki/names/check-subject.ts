import { decodeOid } from '../der/oid.ts';
import { type DerElement, DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { decodeText } from '../der/text.ts';
import { PkiError } from '../errors.ts';

/** Arcs of object identifiers are numbers of 31 bits in Go. */
const arcsEnd = 2 ** 31;

/**
 * Refuses a Name that programs fail to read, and with it the whole certificate that has it: Go and BoringSSL take fewer
 * string types than there are, each with its own characters.
 *
 * @param encoded DER that decodes as a Name
 */
export function checkSubjectForEverybody(encoded: Buffer, what: string): void {
  const name = new DerReader(encoded, what).enter();
  while (!name.atEnd) {
    const set = name.enter(tag.set);
    while (!set.atEnd) {
      const attribute = set.enter();
      const oid = decodeOid(attribute.read(tag.oid).content);
      if (oid.split('.').some((arc) => Number(arc) >= arcsEnd))
        throw refused(what, oid, 'is of a type that many programs have no numbers for');
      if (!isReadByEverybody(attribute.any()))
        throw refused(
          what,
          oid,
          'is of a string type, or has characters in it, that many programs do not read',
        );
    }
  }
}

function isReadByEverybody(value: DerElement): boolean {
  const text = decodeText(value);
  if (text === undefined) return false;
  switch (value.tag) {
    case tag.utf8String:
    case tag.ia5String:
    case tag.teletexString:
      return true;
    case tag.printableString:
      // Asterisk and ampersand have no place there, but are so common that everybody takes them.
      return /^[A-Za-z0-9 '()+,\-./:=?*&]*$/.test(text);
    case tag.numericString:
      return /^[0-9 ]*$/.test(text);
    case tag.bmpString:
      return !/[\uD800-\uDFFF\uFDD0-\uFDEF\uFFFE\uFFFF]/.test(text);
    default:
      return false;
  }
}

function refused(what: string, oid: string, problem: string): PkiError {
  return new PkiError('invalid-name', `attribute ${oid} in ${what} ${problem}`);
}
