import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { phaseOf } from '../../../../src/controller/requests/phase.ts';
import { slimRequest } from '../../../../src/controller/requests/slim-request.ts';
import { condition, newRequest } from '../builders.ts';

const large = 'x'.repeat(1000);

describe('what is kept of a request in memory', () => {
  it('is all but the managed fields while it is open', () => {
    const request = newRequest({ request: large, metadata: { labels: { a: 'b' } } });
    const { managedFields: _, ...metadata } = request.metadata;
    const kept = slimRequest({ ...request, metadata: { ...metadata, managedFields: [large] } });
    assert.deepEqual(kept, request);
  });

  it('is its identity and conditions once it is finished', () => {
    const request = newRequest({
      request: large,
      metadata: { annotations: { a: large }, managedFields: [large] },
      conditions: [condition('Approved', 'True', 'x', large), condition('Ready', 'True', 'Issued', large)],
      status: { certificate: large, ca: large },
    });
    const kept = slimRequest(request);
    assert.equal(phaseOf(kept), 'final');
    assert.ok(JSON.stringify(kept).length < 500, JSON.stringify(kept));
    assert.equal(kept.metadata.uid, request.metadata.uid);
    assert.equal(kept.metadata.resourceVersion, request.metadata.resourceVersion);
  });

  it('stays final when nothing but a certificate says so', () => {
    assert.equal(phaseOf(slimRequest(newRequest({ status: { certificate: large } }))), 'final');
  });

  it("stays somebody else's", () => {
    const issuerRef = { name: 'a', group: 'other.io' };
    const request = newRequest({
      request: large,
      issuerRef,
      conditions: [condition('Approved', 'True', 'p')],
    });
    const kept = slimRequest(request);
    assert.equal(phaseOf(kept), 'not-ours');
    assert.ok(JSON.stringify(kept).length < 500);
  });
});
