import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodCertificateRequest } from '../../../../src/api/pod-certificate-request.ts';
import { formatTime } from '../../../../src/api/time.ts';
import {
  certificateIdentity,
  type CertificateObject,
  RevisionIndex,
} from '../../../../src/cli/identities/certificates.ts';
import {
  podCertificateFacts,
  podCertificateIdentity,
  PodCertificateIndex,
  podCertificateSources,
} from '../../../../src/cli/identities/pod-certificates.ts';
import { requestFacts } from '../../../../src/cli/identities/request-facts.ts';
import {
  condition,
  factsOf,
  hour,
  issuedPodCertificate,
  issueLeaf,
  minute,
  noon,
  podCertificateRequest,
  podCertificateVolume,
  podWith,
  requestOf,
} from '../support/builders.ts';

describe('the identity of a podCertificate projection', () => {
  const pod = podWith([podCertificateVolume(), { name: 'empty' }]);
  const rows = (...requests: PodCertificateRequest[]) => {
    const index = new PodCertificateIndex();
    for (const request of requests) index.add(podCertificateFacts(request));
    return podCertificateSources(pod).map((source) =>
      podCertificateIdentity(pod, source, index.of(pod, source), noon),
    );
  };

  it('is what the newest request of its signer says', async () => {
    const leaf = await issueLeaf();
    const [row, ...others] = rows(
      podCertificateRequest('new', noon, issuedPodCertificate(leaf)),
      podCertificateRequest('old', noon - hour),
    );
    assert.deepEqual(others, []);
    assert.deepEqual(
      [row?.source, row?.name, row?.object, row?.issuer, row?.state, row?.renewsBy],
      ['pod-certificate', 'tls', 'new', 'certmount.io/mesh', 'valid', formatTime(noon + 40 * minute)],
    );
    assert.equal(row?.serialNumber, factsOf(leaf).serialNumber);
  });

  it('says how it stands without a certificate', () => {
    const denied = { conditions: [condition('Denied', noon, { message: 'UnsupportedKeyType' })] };
    assert.deepEqual(
      [rows(), rows(podCertificateRequest('a', noon)), rows(podCertificateRequest('a', noon, denied))].map(
        ([row]) => [row?.state, row?.message],
      ),
      [
        ['unrecorded', 'its request is deleted already, or not made yet'],
        ['pending', null],
        ['denied', 'UnsupportedKeyType'],
      ],
    );
  });

  it('keeps its row where requests may not be listed, and guesses nothing', () => {
    const [source] = podCertificateSources(pod);
    assert.ok(source !== undefined);
    const row = podCertificateIdentity(pod, source, { known: false }, noon);
    assert.deepEqual(
      [row.name, row.issuer, row.spiffeId, row.state, row.message],
      ['tls', 'certmount.io/mesh', null, 'unrecorded', 'PodCertificateRequests may not be listed'],
    );
  });
});

describe('the identity of a Certificate', () => {
  const certificate = (status: CertificateObject['status']): CertificateObject => ({
    metadata: { namespace: 'web', name: 'gateway' },
    spec: { secretName: 'gateway-tls', issuerRef: { name: 'mesh' }, dnsNames: ['gateway.web'] },
    ...(status !== undefined && { status }),
  });
  const ready = {
    conditions: [condition('Ready', noon)],
    notAfter: formatTime(noon + hour),
    renewalTime: formatTime(noon + 40 * minute),
    revision: 2,
  };

  it('has the serial number of the request of its revision', async () => {
    const revisions = new RevisionIndex();
    const annotations = (revision: string): Record<string, string> => ({
      'cert-manager.io/certificate-name': 'gateway',
      'cert-manager.io/certificate-revision': revision,
    });
    const [old, leaf] = [await issueLeaf(noon - hour), await issueLeaf()];
    revisions.add(requestFacts(requestOf({ leaf: old, annotations: annotations('1') })));
    revisions.add(requestFacts(requestOf({ leaf, annotations: annotations('2') })));
    const row = certificateIdentity(certificate(ready), revisions, noon);
    assert.deepEqual(
      [row.source, row.pod, row.name, row.object, row.issuer, row.state],
      ['secret', null, 'gateway', 'gateway-tls', 'Issuer/mesh', 'valid'],
    );
    assert.equal(row.serialNumber, factsOf(leaf).serialNumber);
  });

  it('says how it stands', () => {
    const none = new RevisionIndex();
    const state = (status: CertificateObject['status'], now = noon): unknown => {
      const row = certificateIdentity(certificate(status), none, now);
      return [row.state, row.message];
    };
    const issuing = condition('Issuing', noon, { message: 'asked for anew' });
    const failed = condition('Issuing', noon, { status: 'False', reason: 'Failed', message: 'no issuer' });
    assert.deepEqual(state(undefined), ['pending', null]);
    assert.deepEqual(state({ conditions: [failed] }), ['failed', 'no issuer']);
    assert.deepEqual(state({ ...ready, conditions: [...ready.conditions, issuing] }), ['renewing', null]);
    assert.deepEqual(state(ready, noon + 2 * hour), ['expired', null]);
  });
});
