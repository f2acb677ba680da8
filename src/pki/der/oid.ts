import { PkiError } from '../errors.ts';
import { encode } from './writer.ts';
import { tag } from './tag.ts';

/** Longest object identifier read, in octets. The longest in use, 2.25 with a UUID, has 20. */
const maxOctets = 64;

/** Encodes a dotted object identifier from our own tables. */
export function encodeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    let shift = 0;
    while (arc >= 2 ** (shift + 7)) shift += 7;
    for (; shift >= 0; shift -= 7) octets.push((Math.floor(arc / 2 ** shift) % 128) | (shift > 0 ? 0x80 : 0));
  }
  return encode(tag.oid, Uint8Array.from(octets));
}

/** Decodes the content octets of an OBJECT IDENTIFIER. */
export function decodeOid(content: Uint8Array): string {
  const last = content[content.length - 1];
  if (last === undefined || last >= 0x80 || content.length > maxOctets)
    throw new PkiError('malformed', 'an object identifier is empty, cut off or too long');
  const arcs: string[] = [];
  let arc = 0n;
  let small = 0;
  let octets = 0;
  for (const octet of content) {
    if (octets === 0 && octet === 0x80) throw new PkiError('malformed', 'an object identifier is padded');
    octets++;
    // Seven octets stay within a double; only UUID-like arcs need more.
    if (octets <= 7) small = small * 128 + (octet & 0x7f);
    else arc = (octets === 8 ? BigInt(small) : arc) * 128n + BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    if (arcs.length > 0) arcs.push(octets <= 7 ? String(small) : String(arc));
    else if (octets > 7) arcs.push('2', String(arc - 80n));
    else
      arcs.push(
        String(Math.min(2, Math.floor(small / 40))),
        String(small - 40 * Math.min(2, Math.floor(small / 40))),
      );
    small = 0;
    arc = 0n;
    octets = 0;
  }
  return arcs.join('.');
}
