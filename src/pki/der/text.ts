import type { DerElement } from './reader.ts';
import { tag } from './tag.ts';
import { encode } from './writer.ts';

/** PrintableString where its characters suffice, else UTF8String (RFC 5280 §4.1.2.4). */
export function encodeText(text: string): Buffer {
  return isPrintable(text)
    ? encode(tag.printableString, Buffer.from(text, 'latin1'))
    : encode(tag.utf8String, Buffer.from(text, 'utf8'));
}

/** X.680 §41.4. */
export function isPrintable(text: string): boolean {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text);
}

/**
 * Decodes any of the string types that names hold. Undefined when it is none, or when its octets are wrong for it.
 *
 * TeletexString is read as Latin-1, as everybody does; nobody implements T.61.
 */
export function decodeText({ tag: type, content }: DerElement): string | undefined {
  switch (type) {
    case tag.utf8String:
      return decodeUtf8(content);
    case tag.printableString:
    case tag.ia5String:
    case tag.visibleString:
    case tag.numericString:
      return decodeIa5(content);
    case tag.teletexString:
      return content.toString('latin1');
    case tag.bmpString:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : undefined;
    case tag.universalString:
      return decodeUtf32(content);
    default:
      return undefined;
  }
}

/** The text of an IA5String: ASCII only. */
export function decodeIa5(content: Buffer): string | undefined {
  return content.every((octet) => octet < 0x80) ? content.toString('latin1') : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(content: Buffer): string | undefined {
  try {
    return utf8.decode(content);
  } catch {
    return undefined;
  }
}

function decodeUtf32(content: Buffer): string | undefined {
  if (content.length % 4 !== 0) return undefined;
  let text = '';
  for (let at = 0; at < content.length; at += 4) {
    const codePoint = content.readUInt32BE(at);
    if (codePoint > 0x10ffff) return undefined;
    text += String.fromCodePoint(codePoint);
  }
  return text;
}
