import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayReference } from '../../../../src/controller/signing-requests/reference-review.ts';
import { isKubeError } from '../../../../src/kube/index.ts';
import type { Call, KubeClient } from '../../../../src/kube/index.ts';

interface Review {
  readonly allowed: boolean;
  readonly evaluationError?: string;
}

/** @param answers by the name that is asked about; no for all others */
function ask(answers: Readonly<Record<string, Review>>): Promise<boolean> {
  const request = (call: Call): Promise<{ status: Review }> => {
    const { spec } = call.body as { spec: { resourceAttributes: { name: string } } };
    return Promise.resolve({ status: answers[spec.resourceAttributes.name] ?? { allowed: false } });
  };
  const client = { request: request as KubeClient['request'] };
  const spec = { request: '', signerName: 'issuers.cert-manager.io/web.ca', username: 'jane' };
  return mayReference(client, spec, { namespace: 'web', name: 'ca' });
}

describe('the permission to reference an Issuer', () => {
  it('is for its name or for all of them', async () => {
    assert.equal(await ask({ ca: { allowed: true } }), true);
    assert.equal(await ask({ '*': { allowed: true } }), true);
    assert.equal(await ask({ other: { allowed: true } }), false);
  });

  it('is not refused because an authorizer could not be asked', async () => {
    for (const name of ['ca', '*']) {
      const asked = ask({ [name]: { allowed: false, evaluationError: 'webhook timed out' } });
      await assert.rejects(asked, (error) => isKubeError(error, 'unavailable'));
    }
  });
});
