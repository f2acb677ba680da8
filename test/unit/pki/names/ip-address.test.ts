import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeIpAddress, encodeIpAddress } from '../../../../src/pki/names/ip-address.ts';

const ipv4Mapped = Buffer.from('00000000000000000000ffff', 'hex');

describe('IP addresses', () => {
  for (const [text, hex, canonical] of [
    ['10.0.0.1', '0a000001', '10.0.0.1'],
    ['::', '00'.repeat(16), '::'],
    ['::1', `${'00'.repeat(15)}01`, '::1'],
    ['1::', `0001${'00'.repeat(14)}`, '1::'],
    ['2001:DB8::0:1', '20010db8000000000000000000000001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221', '64:ff9b::c000:221'],
    ['::ffff:192.0.2.1', 'c0000201', '192.0.2.1'],
  ] as const)
    it(`${text} is encoded, and shown as ${canonical}`, () => {
      const octets = encodeIpAddress(text);
      assert.equal(octets?.toString('hex'), hex);
      assert.equal(decodeIpAddress(octets ?? Buffer.alloc(0)), canonical);
    });

  it('come back in any form that they are given in', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const octets = encodeIpAddress(text);
        assert.ok(octets);
        const shown = decodeIpAddress(octets) ?? '';
        assert.deepEqual(encodeIpAddress(shown), octets);
        if (octets.length === 16) assert.equal(`[${shown}]`, new URL(`http://[${text}]`).hostname);
      }),
    );
  });

  it('of octets are shown as the address that they are encoded as again', () => {
    const octets = (length: number): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: length, maxLength: length });
    const mapped = octets(4).map((last) => Buffer.concat([ipv4Mapped, last]));
    fc.assert(
      fc.property(fc.oneof(octets(4), octets(16), mapped), (bytes) => {
        const shown = decodeIpAddress(Buffer.from(bytes)) ?? '';
        const again = encodeIpAddress(shown) ?? Buffer.alloc(0);
        assert.equal(decodeIpAddress(again), shown);
        // As in Go, the two forms of an IPv4 address are one address.
        const long = again.length === 4 && bytes.length === 16 ? Buffer.concat([ipv4Mapped, again]) : again;
        assert.deepEqual(long, Buffer.from(bytes));
      }),
    );
  });

  it('are told from everything else', () => {
    for (const text of [
      '',
      '1.2.3',
      '01.2.3.4',
      '256.1.1.1',
      '1.2.3.4/8',
      'fe80::1%eth0',
      '[::1]',
      ':::',
      '1::2::3',
      'localhost',
    ])
      assert.equal(encodeIpAddress(text), undefined, text);
    for (const length of [0, 3, 5, 15, 17, 32])
      assert.equal(decodeIpAddress(Buffer.alloc(length)), undefined);
  });
});
