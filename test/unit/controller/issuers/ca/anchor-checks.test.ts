import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnchorChecks, maxSignatureChecks } from '../../../../../src/controller/issuers/ca/anchor-checks.ts';
import { type Certificate, parseCertificate } from '../../../../../src/pki/index.ts';
import { forgeAuthority } from '../../../pki/support/forge.ts';
import { newKey } from '../../builders.ts';

const [key, rootKey] = [await newKey(), await newKey()];
const certificate = parseCertificate(forgeAuthority('ca', key, { name: 'root', key: rootKey }));
const signing = { certificate, chain: [certificate], sent: [certificate] };
const root = parseCertificate(forgeAuthority('root', rootKey));
const namesakes = await Promise.all(
  Array.from({ length: maxSignatureChecks }, async () =>
    parseCertificate(forgeAuthority('root', await newKey())),
  ),
);

describe('what is verified for a CA', () => {
  it('is verified once, in whatever object the anchor comes', () => {
    const checks = new AnchorChecks(signing);
    for (let times = 0; times <= maxSignatureChecks; times++) {
      const copy: Certificate = { ...root };
      assert.ok(checks.verifies(copy));
      assert.deepEqual(checks.above([copy]), [copy]);
    }
    assert.equal(checks.isExhausted, false);
  });

  it('ends with so many signatures: what is known stays, and everything further is a no', () => {
    const checks = new AnchorChecks(signing);
    assert.ok(checks.verifies(root));
    for (const namesake of namesakes) assert.equal(checks.verifies(namesake), false);
    assert.equal(checks.isExhausted, true);
    assert.ok(checks.verifies(root));
    const tooLate = new AnchorChecks(signing);
    for (const namesake of namesakes) tooLate.verifies(namesake);
    assert.equal(tooLate.verifies(root), false);
  });
});
