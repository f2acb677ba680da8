import { isIPv4, isIPv6 } from 'node:net';

/** The 4 or 16 octets of an IP address; undefined when the text is none. An IPv4-mapped IPv6 address is IPv4, as in Go. */
export function encodeIpAddress(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  // A zone ("%eth0") names an interface of one machine.
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const octets = encodeIpv6(text);
  return octets.subarray(0, 12).equals(ipv4Mapped) ? octets.subarray(12) : octets;
}

/**
 * Dotted for 4 octets and for IPv4-mapped ones, as in Go, RFC 5952 for other 16; undefined for any other number. What is shown
 * is encoded as the same address again: rules are about what is signed.
 */
export function decodeIpAddress(octets: Buffer): string | undefined {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return undefined;
  if (octets.subarray(0, 12).equals(ipv4Mapped)) return octets.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2));
  const zeros = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (zeros === undefined) return hex(groups);
  return `${hex(groups.slice(0, zeros.from))}::${hex(groups.slice(zeros.to))}`;
}

const ipv4Mapped = Buffer.from('00000000000000000000ffff', 'hex');

/** @param text a valid address without zone */
function encodeIpv6(text: string): Buffer {
  const dotted = /[\d.]+$/.exec(text)?.[0];
  let hex = text;
  if (dotted?.includes('.')) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
    hex = `${text.slice(0, -dotted.length)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const [head = '', tail] = hex.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const octets = Buffer.alloc(16);
  front.forEach((group, index) => octets.writeUInt16BE(parseInt(group, 16), index * 2));
  back.forEach((group, index) => octets.writeUInt16BE(parseInt(group, 16), 16 - (back.length - index) * 2));
  return octets;
}

/** The first longest run of two or more zero groups (RFC 5952 §4.2). */
function longestZeros(groups: readonly number[]): { from: number; to: number } | undefined {
  let best: { from: number; to: number } | undefined;
  for (let from = 0; from < groups.length; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from >= 2 && (best === undefined || to - from > best.to - best.from)) best = { from, to };
    from = Math.max(from, to);
  }
  return best;
}
