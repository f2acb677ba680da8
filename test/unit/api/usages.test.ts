import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../../src/api/errors.ts';
import { isUsageName, toUsages, usageNames, usageNamesOf } from '../../../src/api/usages.ts';

describe('toUsages', () => {
  it('asks for digital signature and key encipherment when nothing is asked for', () => {
    const standard = { keyUsages: ['digitalSignature', 'keyEncipherment'], extendedKeyUsages: [] };
    assert.deepEqual(toUsages(undefined), standard);
    assert.deepEqual(toUsages([]), standard);
  });

  it('lets a CA sign certificates, whatever else is asked for', () => {
    assert.deepEqual(toUsages([], true).keyUsages, ['digitalSignature', 'keyEncipherment', 'keyCertSign']);
    assert.deepEqual(toUsages(['cert sign', 'crl sign'], true).keyUsages, ['keyCertSign', 'cRLSign']);
  });

  it('takes the two names of one usage as one', () => {
    assert.deepEqual(toUsages(['signing', 'digital signature', 's/mime', 'email protection']), {
      keyUsages: ['digitalSignature'],
      extendedKeyUsages: ['emailProtection'],
    });
  });

  it('understands every name', () => {
    const { keyUsages, extendedKeyUsages } = toUsages(usageNames);
    assert.equal(usageNames.length, 23);
    assert.equal(keyUsages.length, 9);
    assert.equal(extendedKeyUsages.length, 12);
  });

  it('refuses a name that is none', () => {
    assert.throws(
      () => toUsages(['server auth', 'serverAuth']),
      (error) =>
        error instanceof ApiError && error.reason === 'unknown-usage' && /"serverAuth"/.test(error.message),
    );
  });

  it('gives the same for the same names in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...usageNames], { minLength: 1 }), (names) => {
        assert.deepEqual(toUsages(names), toUsages(usageNames.filter((name) => names.includes(name))));
      }),
    );
  });
});

describe('usageNamesOf', () => {
  it('is the reverse, with the usual one of two names', () => {
    fc.assert(
      fc.property(fc.subarray([...usageNames], { minLength: 1 }), (names) => {
        const usages = toUsages(names);
        const back = usageNamesOf(usages);
        assert.deepEqual(toUsages(back), usages);
        assert.ok(back.every(isUsageName) && !back.includes('signing') && !back.includes('s/mime'));
      }),
    );
  });
});
