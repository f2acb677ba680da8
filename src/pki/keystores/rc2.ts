/** A permutation of the octets, from the digits of pi (RFC 2268 §2). */
const piTable = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32' +
    'bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a' +
    '961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e' +
    'c5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);

const blockLength = 8;
const rotations = [1, 2, 3, 5] as const;

/**
 * Encrypts with RC2 in CBC mode and PKCS #7 padding (RFC 2268).
 *
 * Here because OpenSSL 3 has it in a provider that Node does not load, and old readers of PKCS #12 know nothing better.
 * It protects nothing.
 */
export function encryptRc2Cbc(
  { key, effectiveBits }: { readonly key: Uint8Array; readonly effectiveBits: number },
  iv: Uint8Array,
  plain: Uint8Array,
): Buffer {
  const words = expandKey(key, effectiveBits);
  const padding = blockLength - (plain.length % blockLength);
  const out = Buffer.alloc(plain.length + padding, padding);
  out.set(plain);
  let previous = iv;
  for (let from = 0; from < out.length; from += blockLength) {
    const block = out.subarray(from, from + blockLength);
    for (const [i, octet] of previous.entries()) block[i] = at(block, i) ^ octet;
    encryptBlock(words, block);
    previous = block;
  }
  return out;
}

/** RFC 2268 §2. */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const octets = Buffer.alloc(128);
  octets.set(key);
  for (let i = key.length; i < 128; i++)
    octets[i] = at(piTable, (at(octets, i - 1) + at(octets, i - key.length)) & 0xff);
  const effectiveOctets = Math.ceil(effectiveBits / 8);
  const first = 128 - effectiveOctets;
  octets[first] = at(piTable, at(octets, first) & (0xff >> (8 * effectiveOctets - effectiveBits)));
  for (let i = first - 1; i >= 0; i--)
    octets[i] = at(piTable, at(octets, i + 1) ^ at(octets, i + effectiveOctets));
  return Uint16Array.from({ length: 64 }, (_, i) => octets.readUInt16LE(2 * i));
}

/** RFC 2268 §3, in place. */
function encryptBlock(key: Uint16Array, block: Buffer): void {
  const words = Uint16Array.from([0, 2, 4, 6], (offset) => block.readUInt16LE(offset));
  for (let round = 0; round < 16; round++) {
    for (const [i, rotation] of rotations.entries()) {
      const before = at(words, (i + 3) & 3);
      const mixed =
        (at(words, i) +
          at(key, 4 * round + i) +
          (before & at(words, (i + 2) & 3)) +
          (~before & at(words, (i + 1) & 3))) &
        0xffff;
      words[i] = (mixed << rotation) | (mixed >> (16 - rotation));
    }
    if (round !== 4 && round !== 10) continue;
    for (let i = 0; i < 4; i++) words[i] = at(words, i) + at(key, at(words, (i + 3) & 3) & 63);
  }
  for (const [i, word] of words.entries()) block.writeUInt16LE(word, 2 * i);
}

function at(list: Uint8Array | Uint16Array, index: number): number {
  return list[index] ?? 0;
}
