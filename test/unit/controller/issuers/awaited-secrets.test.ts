import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AwaitedSecrets } from '../../../../src/controller/issuers/awaited-secrets.ts';

const secret = (name: string): { namespace: string; name: string } => ({ namespace: 'web', name });

const one = { kind: 'CertificateRequest', limit: 1 };

describe('Secrets that single requests wait for', () => {
  it('are wanted in the name of the request, and no longer once it is done', () => {
    const wanted = new Map<string, string[]>();
    const changed: string[] = [];
    const awaited = new AwaitedSecrets(
      { kind: 'CertificateRequest', limit: 10 },
      {
        want: (owner, keys) =>
          wanted.set(
            owner,
            keys.map(({ name }) => name),
          ),
        onChange: (request) => changed.push(request),
      },
    );
    assert.equal(awaited.await('web/a', secret('key')), true);
    assert.deepEqual([...wanted], [['CertificateRequest/web/a', ['key']]]);
    assert.ok(awaited.changed('CertificateRequest/web/a'));
    assert.deepEqual(changed, ['web/a']);
    assert.equal(awaited.await('web/a', undefined), true);
    assert.deepEqual([...wanted], [['CertificateRequest/web/a', []]]);
  });

  it('are bounded: one more is refused until another is done', () => {
    const awaited = new AwaitedSecrets(one, { want: () => {}, onChange: () => {} });
    assert.equal(awaited.await('web/a', secret('a')), true);
    assert.equal(awaited.await('web/b', secret('b')), false);
    assert.equal(awaited.await('web/a', secret('other')), true);
    awaited.await('web/a', undefined);
    assert.equal(awaited.await('web/b', secret('b')), true);
  });

  it('cost nothing for a request that waits for none', () => {
    const want = (): never => assert.fail('nothing is wanted');
    const awaited = new AwaitedSecrets(one, { want, onChange: () => {} });
    assert.equal(awaited.await('web/a', undefined), true);
  });

  it('are told apart from those of issuers, and of requests of another kind', () => {
    const onChange = (): never => assert.fail('none of these has changed');
    const awaited = new AwaitedSecrets(one, { want: () => {}, onChange });
    for (const owner of ['Issuer/web/ca', 'ClusterIssuer/ca', 'CertificateSigningRequest/a'])
      assert.equal(awaited.changed(owner), false);
  });
});
