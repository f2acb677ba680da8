import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encryptRc2Cbc } from '../../../../src/pki/keystores/rc2.ts';

/** RFC 2268 §5: effective bits, key, plain text, cipher text. */
const vectors = [
  [63, '0000000000000000', '0000000000000000', 'ebb773f993278eff'],
  [64, 'ffffffffffffffff', 'ffffffffffffffff', '278b27e42e2f0d49'],
  [64, '3000000000000000', '1000000000000001', '30649edf9be7d2c2'],
  [64, '88', '0000000000000000', '61a8a244adacccf0'],
  [64, '88bca90e90875a', '0000000000000000', '6ccf4308974c267f'],
  [64, '88bca90e90875a7f0f79c384627bafb2', '0000000000000000', '1a807d272bbe5db1'],
  [128, '88bca90e90875a7f0f79c384627bafb2', '0000000000000000', '2269552ab0f85ca6'],
  [
    129,
    '88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e',
    '0000000000000000',
    '5b78d3a43dfff1f1',
  ],
] as const;

describe('RC2', () => {
  for (const [effectiveBits, key, plain, cipher] of vectors)
    it(`gives the RFC's result for ${effectiveBits} effective bits of the key ${key}`, () => {
      const encrypted = encryptRc2Cbc(
        { key: Buffer.from(key, 'hex'), effectiveBits },
        Buffer.alloc(8),
        Buffer.from(plain, 'hex'),
      );
      assert.equal(encrypted.toString('hex', 0, 8), cipher);
    });

  it('chains blocks, beginning with the initialization vector', () => {
    const key = { key: Buffer.from('3000000000000000', 'hex'), effectiveBits: 64 };
    const plain = Buffer.from('1000000000000001', 'hex');
    const once = encryptRc2Cbc(key, Buffer.alloc(8), plain).subarray(0, 8);
    // The second block is the first again when XOR with what precedes it gives the same input.
    const repeated = Buffer.concat([plain, Buffer.from(plain.map((octet, i) => octet ^ (once[i] ?? 0)))]);
    const twice = encryptRc2Cbc(key, Buffer.alloc(8), repeated);
    assert.deepEqual(twice.subarray(0, 16), Buffer.concat([once, once]));
    const moved = encryptRc2Cbc(key, plain, Buffer.alloc(8));
    assert.deepEqual(moved.subarray(0, 8), once);
  });

  it('fills the last block up, and adds one to a full one', () => {
    const key = { key: Buffer.from('88'.repeat(5), 'hex'), effectiveBits: 40 };
    const lengths = [0, 1, 7, 8, 9].map(
      (length) => encryptRc2Cbc(key, Buffer.alloc(8), Buffer.alloc(length)).length,
    );
    assert.deepEqual(lengths, [8, 8, 8, 16, 16]);
    const padded = encryptRc2Cbc(key, Buffer.alloc(8), Buffer.alloc(3));
    const explicit = encryptRc2Cbc(key, Buffer.alloc(8), Buffer.from('0000000505050505', 'hex'));
    assert.deepEqual(padded, explicit.subarray(0, 8));
  });
});
