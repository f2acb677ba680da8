import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  issuerKeyText,
  issuerObjectKey,
  parseIssuerKey,
  referencedIssuer,
} from '../../../../src/controller/issuers/issuer-key.ts';

describe('which issuer a request means', () => {
  it("is one of the request's namespace when the kind is left out", () => {
    assert.deepEqual(referencedIssuer({ name: 'ca' }, 'web'), {
      kind: 'Issuer',
      namespace: 'web',
      name: 'ca',
    });
  });

  it('is one of the cluster by its kind', () => {
    assert.deepEqual(referencedIssuer({ name: 'ca', kind: 'ClusterIssuer' }, 'web'), {
      kind: 'ClusterIssuer',
      name: 'ca',
    });
  });

  it('is none for any other kind', () => {
    assert.equal(referencedIssuer({ name: 'ca', kind: 'issuer' }, 'web'), undefined);
  });

  it('reads back from its text', () => {
    for (const key of [
      { kind: 'Issuer', namespace: 'web', name: 'ca' },
      { kind: 'ClusterIssuer', name: 'ca' },
    ] as const) {
      assert.deepEqual(parseIssuerKey(issuerKeyText(key)), key);
    }
    assert.deepEqual(issuerObjectKey(parseIssuerKey('Issuer/web/ca')), { namespace: 'web', name: 'ca' });
    assert.deepEqual(issuerObjectKey(parseIssuerKey('ClusterIssuer/ca')), { name: 'ca' });
  });
});
