import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { certificatesOfPodCertificate, judge } from '../../../../src/cli/verify/judge.ts';
import { exitCodeOf } from '../../../../src/cli/verify/verify-tool.ts';
import {
  podCertificateFacts,
  podCertificateSources,
} from '../../../../src/cli/identities/pod-certificates.ts';
import {
  factsOf,
  issuedPodCertificate,
  issueLeaf,
  minute,
  noon,
  podCertificateRequest,
  podCertificateVolume,
  podWith,
} from '../support/builders.ts';

describe('verifying a pod certificate', () => {
  it('compares what is served with what was issued', async () => {
    const [before, present] = [await issueLeaf(noon - 20 * minute), await issueLeaf(noon)];
    const [source] = podCertificateSources(podWith([podCertificateVolume()]));
    assert.ok(source !== undefined);
    const facts = podCertificateFacts(podCertificateRequest('a', noon, issuedPodCertificate(present)));
    const known = certificatesOfPodCertificate({ source, request: { known: true, facts } });
    assert.deepEqual(judge(factsOf(present), [known]), { result: 'match', volume: 'tls' });
    assert.deepEqual(judge(factsOf(before), [known]), {
      result: 'stale',
      volume: 'tls',
      since: noon,
      atLeast: true,
    });
    assert.equal(known.mounted, undefined);
    const gone = certificatesOfPodCertificate({ source, request: { known: true, facts: undefined } });
    assert.equal(gone.issued, undefined);
  });
});

describe('the exit code', () => {
  it('is that of a match for what is still valid alone', () => {
    assert.equal(exitCodeOf({ result: 'match', expired: false }), 0);
    assert.equal(exitCodeOf({ result: 'match', expired: true }), 1);
    assert.equal(exitCodeOf({ result: 'stale', expired: false }), 1);
    assert.equal(exitCodeOf({ result: 'foreign', expired: true }), 2);
  });
});
