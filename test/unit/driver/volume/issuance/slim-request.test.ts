import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { CertificateRequest } from '../../../../../src/api/certificate-request.ts';
import { verifyIssued } from '../../../../../src/driver/volume/issuance/verify-issued.ts';
import { slimRequest } from '../../../../../src/driver/volume/issuance/slim-request.ts';
import { Authority, newKey } from '../../support/authority.ts';
import { failure, specOf } from '../../support/builders.ts';

const metadata = { name: 'api-0-h1', namespace: 'web', uid: 'uid-1', resourceVersion: '7' };
const spec = { request: 'x'.repeat(1_000), issuerRef: { name: 'ca' }, extra: { claim: ['x'] } };
const volumeId = { 'csi.certmount.io/volume-id': 'csi-1' };

/** What a request takes in memory, more or less. */
function lengthOf(request: CertificateRequest): number {
  return JSON.stringify(slimRequest(request)).length;
}

describe('what the driver keeps of a request', () => {
  it('is its key, its volume and the answer', () => {
    const ready = { type: 'Ready', status: 'True' as const, reason: 'Issued', message: 'done' };
    const slim = slimRequest({
      metadata: { ...metadata, annotations: { ...volumeId, more: 'x' }, labels: { app: 'web' } },
      spec,
      status: {
        conditions: [{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }],
        certificate: 'Y2VydA==',
        ca: 'Y2E=',
      },
    });
    assert.deepEqual(slim.metadata, { ...metadata, annotations: volumeId });
    assert.deepEqual(slim.status, { conditions: [ready], certificate: 'Y2VydA==', ca: 'Y2E=' });
  });

  it('is little, whatever somebody has written into it', () => {
    const junk = randomBytes(60_000).toString('hex');
    const many = Array.from({ length: 1_000 }, (_, index) => ({
      type: `Ready${index}`,
      status: 'True' as const,
    }));
    const request = {
      metadata: {
        ...metadata,
        annotations: { junk, 'csi.certmount.io/volume-id': junk },
        labels: { junk },
        finalizers: [junk],
        managedFields: [{ manager: junk }],
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: junk, uid: junk }],
      },
      spec: { ...spec, request: junk, issuerRef: { name: junk }, groups: [junk] },
      status: {
        conditions: [...many, { type: 'Denied', status: 'True' as const, reason: junk, message: junk }],
      },
    };
    assert.ok(lengthOf({ metadata: request.metadata, spec: request.spec }) < 250);
    assert.ok(lengthOf(request) < 5_000);
  });

  it('is no answer without anchors where these are too long to keep', async () => {
    const key = await newKey();
    const authority = await Authority.create(Date.UTC(2026, 0, 1));
    const now = Date.UTC(2026, 0, 1);
    const certificates = await authority.issue(specOf(), key, now);
    const ca = Buffer.from(authority.certificate.pem.repeat(1_000)).toString('base64');
    const { status } = slimRequest({ metadata, spec, status: { ca } });
    assert.ok((status?.ca ?? '').length < 100);
    const kept = Buffer.from(status?.ca ?? '', 'base64').toString();
    assert.throws(
      () => verifyIssued(specOf(), key, certificates, kept, new Date(now)),
      failure('issued-wrong', 'cannot be used'),
    );
  });
});
