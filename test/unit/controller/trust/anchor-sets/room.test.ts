import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import {
  mostOfIssuer,
  mostOfNamespace,
  roomFor,
} from '../../../../../src/controller/trust/anchor-sets/room.ts';

const another = { kind: 'Issuer', namespace: 'web', name: 'another' } as const;

function setOf(name: string, size: number): AnchorSet {
  const annotations = { record: 'r'.repeat(1_000) };
  return {
    metadata: { annotations },
    spec: { source: name, anchors: 'a'.repeat(size - 1_000), sequence: 1 },
  };
}

describe('room for the anchor set of an issuer', () => {
  it('is what the other Issuers of its namespace leave, and never more than one may have', () => {
    assert.equal(roomFor(another, []), mostOfIssuer);
    const half = [setOf('Issuer/web/one', mostOfNamespace / 2), setOf('Issuer/web/two', 20_000)];
    assert.equal(roomFor(another, half), mostOfNamespace / 2 - 20_000);
    assert.equal(roomFor(another, [...half, setOf('Issuer/web/three', mostOfNamespace)]), 0);
    assert.equal(roomFor(another, [setOf('Issuer/web/another', mostOfNamespace)]), mostOfIssuer);
  });

  it('is not taken by other namespaces, ClusterIssuers and Bundles', () => {
    const full = [setOf('Issuer/web/one', mostOfNamespace)];
    for (const namespace of ['we', 'webb'])
      assert.equal(roomFor({ ...another, namespace }, full), mostOfIssuer);
    assert.equal(roomFor({ kind: 'ClusterIssuer', name: 'web' }, full), mostOfIssuer);
    const others = [setOf('Bundle/web', mostOfNamespace), setOf('ClusterIssuer/web', mostOfNamespace)];
    assert.equal(roomFor(another, others), mostOfIssuer);
  });
});
