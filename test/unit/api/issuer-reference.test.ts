import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { issuerText, resolveIssuerReference } from '../../../src/api/issuer-reference.ts';

describe('a reference to an issuer', () => {
  it('means an Issuer of cert-manager.io where it does not say', () => {
    const resolved = { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' };
    assert.deepEqual(resolveIssuerReference({ name: 'ca' }), resolved);
    assert.deepEqual(resolveIssuerReference({ name: 'ca', kind: '', group: '' }), resolved);
  });

  it('keeps what it says', () => {
    const reference = { name: 'ca', kind: 'AWSPCAIssuer', group: 'awspca.cert-manager.io' };
    assert.deepEqual(resolveIssuerReference(reference), reference);
  });

  it('has one text', () => {
    assert.equal(issuerText({ name: 'ca' }), 'Issuer.cert-manager.io/ca');
  });
});
