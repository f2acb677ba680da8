import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import { hasRoom, mostSetsOfNamespace } from '../../../../../src/controller/trust/anchor-sets/has-room.ts';

const full = Array.from({ length: mostSetsOfNamespace }, (_, index): AnchorSet => {
  return { metadata: {}, spec: { source: `Issuer/web/ca-${index}`, anchors: '', sequence: 1 } };
});

describe('room for an anchor set', () => {
  it('ends for the Issuers of a namespace that has many, and for no others', () => {
    const another = { kind: 'Issuer', namespace: 'web', name: 'another' } as const;
    assert.equal(hasRoom(another, full.slice(1)), true);
    assert.equal(hasRoom(another, full), false);
    assert.equal(hasRoom({ ...another, namespace: 'we' }, full), true);
    assert.equal(hasRoom({ ...another, namespace: 'webb' }, full), true);
    assert.equal(hasRoom({ kind: 'ClusterIssuer', name: 'web' }, full), true);
    assert.equal(hasRoom({ kind: 'Bundle', name: 'web' }, full), true);
  });
});
