import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import type { Issuer } from '../../../../../src/api/issuer.ts';
import type { Secret } from '../../../../../src/api/core.ts';
import { readCaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import { OldPairKeeper } from '../../../../../src/controller/trust/rotation/old-pair-keeper.ts';
import { PreviousPairs } from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import type { KeptPair, SecretKey } from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import { caSecret, newCa } from '../../builders.ts';

const key = { kind: 'Issuer', namespace: 'web', name: 'ca' } as const;
const issuer: Issuer = {
  metadata: { namespace: 'web', name: 'ca', uid: 'issuer-1' },
  spec: { ca: { secretName: 'ca' } },
};
const signing = await (async (): Promise<KeptPair> => {
  const secret = caSecret(await newCa());
  const read = readCaKeyPair(secret);
  assert.ok(read.usable);
  return { pair: read.keyPair, secret };
})();

let stored: Map<string, Secret>;
let named: SecretKey | undefined;
let set: AnchorSet | undefined;
let refusal: Error | undefined;
let refused: string[];
let previous: PreviousPairs;
let keeper: OldPairKeeper;

beforeEach(() => {
  stored = new Map();
  named = { namespace: 'web', name: 'ca' };
  set = undefined;
  refusal = undefined;
  refused = [];
  previous = newPairs();
  keeper = newKeeper();
});

function newPairs(): PreviousPairs {
  const put = async (secret: Secret): Promise<Secret> => {
    if (refusal) throw refusal;
    stored.set(secret.metadata.name ?? '', secret);
    return secret;
  };
  return new PreviousPairs({
    resource: {
      get: async ({ name }) => stored.get(name) ?? assert.fail(name),
      create: put,
      replace: put,
      delete: async ({ name }) => void stored.delete(name),
    },
  });
}

function newKeeper(): OldPairKeeper {
  return new OldPairKeeper({
    previous,
    secretOf: () => named,
    setOf: () => set,
    onRefused: (_, __, error) => void refused.push(error.message),
  });
}

describe('the pair that an issuer still signs with', () => {
  it('lies beside its Secret until it is needed no more', async () => {
    await keeper.keep(key, issuer, signing);
    assert.deepEqual([...stored.keys()], ['ca-certmount-previous']);
    await keeper.release(key, issuer);
    assert.deepEqual([...stored.keys()], []);
  });

  it('is neither in the cluster nor in memory when the issuer is gone', async () => {
    await keeper.keep(key, issuer, signing);
    named = undefined;
    await keeper.release(key);
    assert.deepEqual([...stored.keys()], []);
    assert.equal(previous.size, 0);
  });

  it('moves with the Secret that the issuer names', async () => {
    await keeper.keep(key, issuer, signing);
    named = { namespace: 'web', name: 'other' };
    await keeper.keep(key, issuer, signing);
    assert.deepEqual([...stored.keys()], ['other-certmount-previous']);
    assert.equal(previous.size, 1);
  });

  it('is removed by a leader that did not put it there', async () => {
    await keeper.keep(key, issuer, signing);
    previous = newPairs();
    await previous.read({ namespace: 'web', name: 'ca' });
    await newKeeper().release(key, issuer);
    assert.deepEqual([...stored.keys()], []);
  });

  it('belongs to its issuer and to the set of that: the cluster keeps it when one of them is made again', async () => {
    const spec = { source: 'Issuer/web/ca', anchors: '', sequence: 1 };
    set = { metadata: { name: 'issuer.web.ca', uid: 'set-1' }, spec };
    await keeper.keep(key, issuer, signing);
    const owners = (): unknown => stored.get('ca-certmount-previous')?.metadata.ownerReferences;
    const ofSet = {
      apiVersion: 'certmount.io/v1alpha1',
      kind: 'AnchorSet',
      name: 'issuer.web.ca',
      uid: 'set-1',
    };
    const ofIssuer = { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', name: 'ca', uid: 'issuer-1' };
    assert.deepEqual(owners(), [ofSet, ofIssuer]);
    const again = { ...issuer, metadata: { ...issuer.metadata, uid: 'issuer-2' } };
    await keeper.keep(key, again, signing);
    assert.deepEqual(owners(), [ofSet, { ...ofIssuer, uid: 'issuer-2' }]);
    await keeper.release(key, again);
    assert.deepEqual([...stored.keys()], []);
  });

  it('is removed, whoever owns it, by a leader that did not put it there', async () => {
    await keeper.keep(key, issuer, signing);
    set = {
      metadata: { name: 'issuer.web.ca', uid: 'set-1' },
      spec: { source: '', anchors: '', sequence: 1 },
    };
    previous = newPairs();
    await previous.read({ namespace: 'web', name: 'ca' });
    await newKeeper().release(key, issuer);
    assert.deepEqual([...stored.keys()], []);
  });

  it('is not kept where that is refused, and people are told', async () => {
    refusal = new KubeError('forbidden', 'no right to create secrets');
    await keeper.keep(key, issuer, signing);
    assert.deepEqual(refused, ['no right to create secrets']);
  });
});
