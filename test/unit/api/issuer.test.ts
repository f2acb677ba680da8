import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { issuerTypeOf } from '../../../src/api/issuer.ts';
import { issuerText, resolveIssuerReference, sameIssuer } from '../../../src/api/issuer-reference.ts';

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

  it('is the same as another that only leaves more to the defaults', () => {
    assert.ok(sameIssuer({ name: 'ca' }, { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' }));
    assert.ok(!sameIssuer({ name: 'ca' }, { name: 'ca', kind: 'ClusterIssuer' }));
    assert.ok(!sameIssuer({ name: 'ca' }, { name: 'ca', group: 'example.com' }));
    assert.ok(!sameIssuer({ name: 'ca' }, { name: 'cb' }));
  });

  it('has one text', () => {
    assert.equal(issuerText({ name: 'ca' }), 'Issuer.cert-manager.io/ca');
  });
});

describe('issuerTypeOf', () => {
  it('names the field that is set', () => {
    assert.equal(issuerTypeOf({ ca: { secretName: 'ca' } }), 'ca');
    assert.equal(issuerTypeOf({ selfSigned: {} }), 'selfSigned');
    assert.equal(issuerTypeOf({}), undefined);
  });
});
