import { tag } from './tag.ts';

/** Encodes one element in DER; `parts` are joined to its content. */
export function encode(identifier: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const lengthOctets =
    length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : length < 0x100_0000 ? 3 : 4;
  const out = Buffer.allocUnsafe(2 + lengthOctets + length);
  out[0] = identifier;
  if (lengthOctets === 0) out[1] = length;
  else {
    out[1] = 0x80 | lengthOctets;
    out.writeUIntBE(length, 2, lengthOctets);
  }
  let at = 2 + lengthOctets;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(tag.sequence, ...parts);
}

export function octetString(content: Uint8Array): Buffer {
  return encode(tag.octetString, content);
}

/** A BIT STRING of whole octets, as signatures and keys are. */
export function octetAlignedBits(content: Uint8Array): Buffer {
  return encode(tag.bitString, noUnusedBits, content);
}

/** An INTEGER that is not negative, from its big-endian octets. */
export function unsignedInteger(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const minimal = magnitude.subarray(start);
  const first = minimal[0] ?? 0;
  return first >= 0x80 || minimal.length === 0
    ? encode(tag.integer, noUnusedBits, minimal)
    : encode(tag.integer, minimal);
}

/** @param value from 0 to 127 */
export function smallInteger(value: number): Buffer {
  return unsignedInteger(Uint8Array.of(value));
}

export function booleanTrue(): Buffer {
  return Buffer.of(tag.boolean, 1, 0xff);
}

const noUnusedBits = Uint8Array.of(0);
