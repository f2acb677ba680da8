import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AwaitedSecrets, awaitingRequest } from '../../../../src/controller/requests/awaited-secrets.ts';

const secret = (name: string): { namespace: string; name: string } => ({ namespace: 'web', name });

describe('Secrets that single requests wait for', () => {
  it('are wanted in the name of the request, and no longer once it is done', () => {
    const wanted = new Map<string, string[]>();
    const awaited = new AwaitedSecrets(10, {
      want: (owner, keys) =>
        wanted.set(
          owner,
          keys.map(({ name }) => name),
        ),
    });
    assert.equal(awaited.await('web/a', secret('key')), true);
    assert.deepEqual([...wanted], [['CertificateRequest/web/a', ['key']]]);
    assert.equal(awaitingRequest('CertificateRequest/web/a'), 'web/a');
    assert.equal(awaited.await('web/a', undefined), true);
    assert.deepEqual([...wanted], [['CertificateRequest/web/a', []]]);
  });

  it('are bounded: one more is refused until another is done', () => {
    const awaited = new AwaitedSecrets(1, { want: () => {} });
    assert.equal(awaited.await('web/a', secret('a')), true);
    assert.equal(awaited.await('web/b', secret('b')), false);
    assert.equal(awaited.await('web/a', secret('other')), true);
    awaited.await('web/a', undefined);
    assert.equal(awaited.await('web/b', secret('b')), true);
  });

  it('cost nothing for a request that waits for none', () => {
    const awaited = new AwaitedSecrets(1, { want: () => assert.fail('nothing is wanted') });
    assert.equal(awaited.await('web/a', undefined), true);
  });

  it('are told apart from those of issuers', () => {
    assert.equal(awaitingRequest('Issuer/web/ca'), undefined);
    assert.equal(awaitingRequest('ClusterIssuer/ca'), undefined);
  });
});
