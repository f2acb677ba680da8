import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Secret } from '../../../../src/api/core.ts';
import type { IssuerSpec } from '../../../../src/api/issuer.ts';
import { signsAtOnce } from '../../../../src/controller/issuers/ca/signing-choice.ts';
import type { IssuerKey } from '../../../../src/controller/issuers/issuer-key.ts';
import { IssuerStates } from '../../../../src/controller/issuers/issuer-states.ts';
import { keyText } from '../../../../src/kube/index.ts';
import { caSecret, newCa, newIssuer, now } from '../builders.ts';

const issuer: IssuerKey = { kind: 'Issuer', namespace: 'web', name: 'ca' };
const clusterIssuer: IssuerKey = { kind: 'ClusterIssuer', name: 'ca' };

function newStates(spec: IssuerSpec | undefined, secrets: Record<string, Secret> = {}): IssuerStates {
  return new IssuerStates(
    { clusterResourceNamespace: 'certmount' },
    {
      now: () => now,
      find: () => spec && newIssuer(spec),
      secret: (key) => {
        const secret = secrets[keyText(key)];
        return secret ? { state: 'present', secret } : { state: 'absent' };
      },
      readSecret: () => assert.fail('nothing is signed'),
      choose: (_, pair) => signsAtOnce(pair),
    },
  );
}

describe('what an issuer can do', () => {
  it('is nothing when it does not exist', () => {
    const states = newStates(undefined);
    assert.equal(states.get(issuer), undefined);
    assert.deepEqual(states.secretsOf(issuer), []);
  });

  it('depends on the Secret in its own namespace, or the cluster resource namespace', async () => {
    const spec = { ca: { secretName: 'ca' } };
    const states = newStates(spec, { 'web/ca': caSecret(await newCa()) });
    assert.equal(states.get(issuer)?.state, 'ready');
    assert.equal(states.get(clusterIssuer)?.state, 'not-ready');
    assert.deepEqual(states.secretsOf(issuer), [{ namespace: 'web', name: 'ca' }]);
    assert.deepEqual(states.secretsOf(clusterIssuer), [{ namespace: 'certmount', name: 'ca' }]);
  });

  it('changes at once with the Secret', async () => {
    const secrets: Record<string, Secret> = { 'web/ca': caSecret(await newCa()) };
    const states = newStates({ ca: { secretName: 'ca' } }, secrets);
    const before = states.get(issuer);
    secrets['web/ca'] = caSecret(await newCa());
    const after = states.get(issuer);
    assert.ok(before?.state === 'ready' && after?.state === 'ready');
    assert.notEqual(before.recheckAt, undefined);
    delete secrets['web/ca'];
    assert.equal(states.get(issuer)?.state, 'not-ready');
  });

  it('is self-signing without any Secret', () => {
    const states = newStates({ selfSigned: {} });
    const state = states.get(issuer);
    assert.ok(state?.state === 'ready');
    assert.deepEqual([state.reason, state.message], ['IsReady', '']);
    assert.deepEqual(states.secretsOf(issuer), []);
  });

  it('is nothing without a type, or with two', () => {
    assert.deepEqual(newStates({}).get(issuer), { state: 'typeless' });
    const state = newStates({ selfSigned: {}, ca: { secretName: 'ca' } }).get(issuer);
    assert.ok(state?.state === 'not-ready');
    assert.equal(state.message, 'Error initializing issuer: may not specify more than one issuer type');
  });

  it('is told of types that are not served yet', () => {
    const spec = { vault: {} } as IssuerSpec;
    assert.deepEqual(newStates(spec).get(issuer), { state: 'not-supported', type: 'vault' });
  });
});
