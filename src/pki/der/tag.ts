/** The identifier octets that X.509, PKCS #10 and their algorithms use. */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** `[number]` of a primitive type with IMPLICIT tagging. */
export function contextPrimitive(number: number): number {
  return 0x80 | number;
}

/** `[number]` of a constructed type, or of any type with EXPLICIT tagging. */
export function contextConstructed(number: number): number {
  return 0xa0 | number;
}
