import { decodeOid, encodeOid } from '../der/oid.ts';
import { DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { encode, sequence } from '../der/writer.ts';

/** By their names in RFC 5280 §4.2.1.3, in the order of their bits. */
const keyUsageBits = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

export type KeyUsage = (typeof keyUsageBits)[number];

const extendedKeyUsageOids = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ipsecEndSystem: '1.3.6.1.5.5.7.3.5',
  ipsecTunnel: '1.3.6.1.5.5.7.3.6',
  ipsecUser: '1.3.6.1.5.5.7.3.7',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  microsoftSGC: '1.3.6.1.4.1.311.10.3.3',
  netscapeSGC: '2.16.840.1.113730.4.1',
} as const;

export type ExtendedKeyUsage = keyof typeof extendedKeyUsageOids;

export interface Usages {
  readonly keyUsages: readonly KeyUsage[];
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[];
}

export interface DecodedUsages extends Usages {
  /** Object identifiers of extended key usages without a name here. */
  readonly otherExtendedKeyUsages: readonly string[];
}

const extendedKeyUsageByOid = new Map(
  Object.entries(extendedKeyUsageOids).map(([name, oid]) => [oid as string, name as ExtendedKeyUsage]),
);

/** Encodes a BIT STRING with named bits: without zeros at its end (X.690 §11.2.2). */
export function encodeKeyUsages(usages: readonly KeyUsage[]): Buffer {
  let bits = 0;
  for (const usage of usages) bits |= 0x8000 >> keyUsageBits.indexOf(usage);
  const octets = (bits & 0xff) === 0 ? Uint8Array.of(bits >> 8) : Uint8Array.of(bits >> 8, bits & 0xff);
  const last = octets.at(-1) ?? 0;
  // The number of zero bits at the end: 31 - clz32 of the lowest bit that is set.
  const unused = last === 0 ? 0 : 31 - Math.clz32(last & -last);
  return bits === 0
    ? encode(tag.bitString, Uint8Array.of(0))
    : encode(tag.bitString, Uint8Array.of(unused), octets);
}

/** In the order of the bits. */
export function decodeKeyUsages(value: Buffer): KeyUsage[] {
  const document = new DerReader(value, 'the key usage');
  const { content } = document.read(tag.bitString);
  document.end();
  const [unused = 8, ...octets] = content;
  if (unused > 7 || octets.length > 2 || (octets.length === 0 && unused > 0))
    throw document.malformed('its bits are wrong');
  // Some programs count these, others do not.
  if (((octets.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0)
    throw document.malformed('bits that are unused are set');
  const bits = ((octets[0] ?? 0) << 8) | (octets[1] ?? 0);
  return keyUsageBits.filter((_, index) => (bits & (0x8000 >> index)) !== 0);
}

export function encodeExtendedKeyUsages(usages: readonly ExtendedKeyUsage[]): Buffer {
  return sequence(...usages.map((usage) => encodeOid(extendedKeyUsageOids[usage])));
}

/** In the order in which they stand. */
export function decodeExtendedKeyUsages(value: Buffer): { known: ExtendedKeyUsage[]; other: string[] } {
  const document = new DerReader(value, 'the extended key usage');
  const purposes = document.enter();
  document.end();
  if (purposes.atEnd) throw purposes.malformed('it is empty');
  const known: ExtendedKeyUsage[] = [];
  const other: string[] = [];
  while (!purposes.atEnd) {
    const oid = decodeOid(purposes.read(tag.oid).content);
    const usage = extendedKeyUsageByOid.get(oid);
    if (usage === undefined) other.push(oid);
    else known.push(usage);
  }
  return { known, other };
}

/** True when both have the same usages, in any order. */
export function sameUsages(a: Usages, b: Usages): boolean {
  const set = (usages: Usages): string =>
    JSON.stringify(
      [usages.keyUsages, usages.extendedKeyUsages].map((list) => [...new Set<string>(list)].sort()),
    );
  return set(a) === set(b);
}
