import { hash } from 'node:crypto';

/** What a PKCS #12 key is derived from. */
export interface Pkcs12Secret {
  /** With the terminating NUL of RFC 7292 §B.1; see {@link pkcs12Password}. */
  readonly password: Buffer;
  readonly salt: Uint8Array;
  readonly digest: 'sha1' | 'sha256';
  readonly iterations: number;
}

/** The diversifiers of RFC 7292 §B.3. */
const purposes = { key: 1, iv: 2, mac: 3 } as const;

/** v/8 of RFC 7292 §B.2, the same for SHA-1 and SHA-256. */
const blockLength = 64;

/** The key derivation of RFC 7292 §B.2. */
export function derivePkcs12(
  purpose: keyof typeof purposes,
  { password, salt, digest, iterations }: Pkcs12Secret,
  length: number,
): Buffer {
  const diversifier = Buffer.alloc(blockLength, purposes[purpose]);
  const input = Buffer.concat([repeatToBlocks(salt), repeatToBlocks(password)]);
  const derived = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const round = hash(digest, Buffer.concat([diversifier, input]), 'buffer');
    // Through a string and in place: with a Buffer for each of the thousands of digests it takes twice as long.
    for (let i = 1; i < iterations; i++) round.write(hash(digest, round, 'latin1'), 'latin1');
    at += round.copy(derived, at);
    addToBlocks(input, round);
  }
  return derived;
}

/** A BMPString with the terminating NUL, which RFC 7292 §B.1 wants of passwords alone. */
export function pkcs12Password(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}

function repeatToBlocks(octets: Uint8Array): Buffer {
  return Buffer.alloc(Math.ceil(octets.length / blockLength) * blockLength, octets);
}

/** Each block becomes block + repeated digest + 1, modulo its size (step 6C). */
function addToBlocks(blocks: Buffer, digest: Buffer): void {
  for (let start = 0; start < blocks.length; start += blockLength) {
    let carry = 1;
    for (let i = blockLength - 1; i >= 0; i--) {
      carry += (blocks[start + i] ?? 0) + (digest[i % digest.length] ?? 0);
      blocks[start + i] = carry;
      carry >>= 8;
    }
  }
}
