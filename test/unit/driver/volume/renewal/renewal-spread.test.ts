import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renewalSpread } from '../../../../../src/driver/volume/renewal/renewal-spread.ts';
import { parseChain } from '../../../../../src/pki/index.ts';
import { Authority, newKey } from '../../support/authority.ts';
import { specOf } from '../../support/builders.ts';

describe('the spread of renewals', () => {
  it('differs between certificates and stays for each', async () => {
    const authority = await Authority.create(Date.UTC(2026, 0, 1));
    const leaves = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const issued = await authority.issue(specOf(), await newKey(), Date.UTC(2026, 0, 1));
        const [leaf] = parseChain(issued);
        assert.ok(leaf);
        return leaf;
      }),
    );
    const spread = leaves.map(renewalSpread);
    assert.ok(spread.every((share) => share >= 0 && share < 1));
    assert.equal(new Set(spread).size, leaves.length);
    assert.ok(Math.min(...spread) < 0.25 && Math.max(...spread) > 0.75, String(spread));
    assert.deepEqual(leaves.map(renewalSpread), spread);
  });
});
