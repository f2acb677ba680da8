import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  decodeExtendedKeyUsages,
  decodeKeyUsages,
  encodeExtendedKeyUsages,
  encodeKeyUsages,
  type ExtendedKeyUsage,
  type KeyUsage,
  sameUsages,
} from '../../../../src/pki/extensions/usages.ts';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { failsWith } from '../support/failures.ts';

const all: readonly KeyUsage[] = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];
const allExtended: readonly ExtendedKeyUsage[] = [
  'any',
  'serverAuth',
  'clientAuth',
  'codeSigning',
  'emailProtection',
  'ipsecEndSystem',
  'ipsecTunnel',
  'ipsecUser',
  'timeStamping',
  'ocspSigning',
  'microsoftSGC',
  'netscapeSGC',
];

describe('key usages', () => {
  it('come back in the order of their bits, from every set of them', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...all]), (usages) => {
        assert.deepEqual(
          decodeKeyUsages(encodeKeyUsages(usages)),
          all.filter((usage) => usages.includes(usage)),
        );
      }),
    );
  });

  it('are encoded as X.690 asks of named bits', () => {
    assert.equal(encodeKeyUsages(['digitalSignature']).toString('hex'), '03020780');
    assert.equal(encodeKeyUsages(['digitalSignature', 'keyEncipherment']).toString('hex'), '030205a0');
    assert.equal(encodeKeyUsages(['keyCertSign', 'cRLSign']).toString('hex'), '03020106');
    assert.equal(encodeKeyUsages(['decipherOnly']).toString('hex'), '0303070080');
    assert.equal(encodeKeyUsages([]).toString('hex'), '030100');
  });

  it('that are no bits are refused', () => {
    for (const hex of [
      '0300',
      '030108',
      '03020880',
      '030107',
      '030400000000',
      '0500',
      '0302078000',
      '03020784',
      '0303070081',
    ])
      assert.throws(() => decodeKeyUsages(Buffer.from(hex, 'hex')), failsWith('malformed'), hex);
  });
});

describe('extended key usages', () => {
  it('come back in their order, unknown ones apart', () => {
    assert.deepEqual(decodeExtendedKeyUsages(encodeExtendedKeyUsages(allExtended)), {
      known: allExtended,
      other: [],
    });
    assert.deepEqual(decodeExtendedKeyUsages(sequence(encodeOid('1.2.3'))), { known: [], other: ['1.2.3'] });
  });

  it('that are empty or no list are refused', () => {
    for (const value of [
      sequence(),
      encodeOid('1.2.3'),
      sequence(encode(5)),
      Buffer.concat([sequence(encodeOid('1.2.3')), Buffer.of(0)]),
    ])
      assert.throws(() => decodeExtendedKeyUsages(value), failsWith('malformed'));
  });
});

describe('two sets of usages', () => {
  it('are the same in any order', () => {
    const usages = { keyUsages: ['cRLSign', 'keyCertSign'], extendedKeyUsages: ['any'] } as const;
    assert.ok(
      sameUsages(usages, { keyUsages: ['keyCertSign', 'cRLSign', 'cRLSign'], extendedKeyUsages: ['any'] }),
    );
    assert.ok(!sameUsages(usages, { keyUsages: ['keyCertSign'], extendedKeyUsages: ['any'] }));
    assert.ok(!sameUsages(usages, { ...usages, extendedKeyUsages: [] }));
  });
});
