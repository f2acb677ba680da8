import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../../../src/api/core.ts';
import { formatTime } from '../../../../src/api/time.ts';
import {
  csiIdentity,
  driverVolumes,
  VolumeRequestIndex,
} from '../../../../src/cli/identities/csi-identities.ts';
import type { IdentityRow } from '../../../../src/cli/identities/identity-row.ts';
import { type RequestFacts, requestFacts } from '../../../../src/cli/identities/request-facts.ts';
import { volumeIdOf } from '../../../../src/cli/identities/volume-id.ts';
import {
  condition,
  csiVolume,
  factsOf,
  hour,
  issueLeaf,
  minute,
  noon,
  podWith,
  type RequestOptions,
  requestOf,
} from '../support/builders.ts';

const pod = podWith([csiVolume()]);

function rowOf(requests: readonly RequestOptions[], now = noon, volume = csiVolume(), of = pod): IdentityRow {
  const index = new VolumeRequestIndex();
  for (const request of requests) index.add(requestFacts(requestOf(request)));
  return csiIdentity(of, volume, index.of(of, volume), undefined, now);
}

describe('the id of a volume', () => {
  it('is that of the kubelet', () => {
    // printf uid-1certs | sha256sum
    const digest = '794bc82ea93a2bc1eeb6d76e2b8c85de660ebdf74a899c293254763fe3777536';
    assert.equal(volumeIdOf('uid-1', 'certs'), `csi-${digest}`);
  });
});

describe('the identity of a csi volume', () => {
  it('is what its newest issued request says', async () => {
    const [old, leaf] = [await issueLeaf(noon - hour), await issueLeaf()];
    const row = rowOf([
      { name: 'api-2', created: noon, leaf },
      { name: 'api-1', created: noon - hour, leaf: old },
    ]);
    const facts = factsOf(leaf);
    assert.deepEqual(
      [row.object, row.serialNumber, row.spiffeId, row.issuer, row.state],
      ['api-2', facts.serialNumber, 'spiffe://cluster.local/ns/web/sa/api', 'ClusterIssuer/mesh', 'valid'],
    );
    assert.deepEqual([row.namespace, row.pod, row.node, row.name], ['web', 'api', 'node-1', 'certs']);
    assert.equal(row.notAfter, formatTime(noon + hour));
  });

  it('is renewed at two thirds of its life at the latest, or as its volume says', async () => {
    const leaf = await issueLeaf();
    const at = (volume = csiVolume()): string | null => rowOf([{ leaf }], noon, volume).renewsBy;
    // Signed two seconds after it begins: the usable life is counted from then.
    assert.equal(at(), formatTime(noon + 2_000 + (2 / 3) * (hour - 2_000)));
    assert.equal(at(csiVolume({ 'renew-before': '10m' })), formatTime(noon + 50 * minute));
    assert.equal(
      at(csiVolume({ 'csi.cert-manager.io/renew-before': '10m' })),
      formatTime(noon + 50 * minute),
    );
    assert.equal(at(csiVolume({ 'renew-before': '3h' })), at(), 'as long as the life: not given');
  });

  it('goes through its states with time', async () => {
    const leaf = await issueLeaf();
    const next = { name: 'api-2', created: noon + 40 * minute };
    assert.equal(rowOf([{ leaf }], noon + 30 * minute).state, 'valid');
    assert.equal(rowOf([{ leaf }, next], noon + 40 * minute).state, 'renewing');
    assert.equal(rowOf([{ leaf }, next], noon + 45 * minute).state, 'overdue');
    assert.equal(rowOf([{ leaf }], noon + hour + 1_000).state, 'expired');
  });

  it('says why it is not there', async () => {
    const denied = [condition('Denied', noon, { message: 'policy "x" does not allow it' })];
    const failed = [condition('Ready', noon, { status: 'False', reason: 'Failed', message: 'no' })];
    const invalid = [condition('InvalidRequest', noon, { message: 'not a request' })];
    const states = [
      rowOf([{}]),
      rowOf([{ conditions: denied }]),
      rowOf([{ conditions: failed }]),
      rowOf([{ conditions: invalid }]),
      rowOf([]),
      rowOf([], noon, csiVolume(), podWith([csiVolume()], { nodeName: undefined } as never)),
    ].map(({ message, state }) => [state, message]);
    assert.deepEqual(states, [
      ['pending', null],
      ['denied', 'policy "x" does not allow it'],
      ['failed', 'no'],
      ['failed', 'not a request'],
      ['missing', 'the driver has not asked for it'],
      ['missing', 'the pod has no node yet'],
    ]);
    const leaf = await issueLeaf();
    const { message, state } = rowOf([{ leaf }, { name: 'api-2', created: noon + 1, conditions: denied }]);
    assert.deepEqual([state, message], ['valid', 'the renewal was denied: policy "x" does not allow it']);
  });

  it('is unrecorded where a container has run and the driver keeps no request', () => {
    const stateWith = (status: NonNullable<Pod['status']>): string =>
      rowOf([], noon, csiVolume(), { ...pod, status }).state;
    const running = { running: { startedAt: '' } };
    const terminated = { terminated: { finishedAt: '' } };
    assert.equal(stateWith({ containerStatuses: [{ name: 'app', state: running }] }), 'unrecorded');
    const crashed = { name: 'app', state: {}, lastState: terminated };
    assert.equal(stateWith({ containerStatuses: [crashed] }), 'unrecorded');
    const first = [{ name: 'init', state: running }];
    const waiting = [{ name: 'app', state: {} }];
    assert.equal(
      stateWith({ initContainerStatuses: first, containerStatuses: waiting }),
      'unrecorded',
      'init containers wait for the volume too',
    );
    assert.equal(stateWith({ containerStatuses: waiting }), 'missing');
  });

  it('is not said to have a certificate where its containers do not wait for one', () => {
    const status = { containerStatuses: [{ name: 'app', state: { running: { startedAt: '' } } }] };
    for (const start of ['without-certificate', 'Without-Certificate']) {
      const row = rowOf([], noon, csiVolume({ start }), { ...pod, status });
      assert.equal(row.state, 'unrecorded');
      assert.match(row.message ?? '', /no request tells whether it has one/, 'as the driver reads it');
    }
  });

  it('is unrecorded where requests may not be listed: nobody says that it is missing', () => {
    const { message, state } = csiIdentity(pod, csiVolume(), { known: false }, undefined, noon);
    assert.deepEqual([state, message], ['unrecorded', 'CertificateRequests may not be listed']);
  });

  it('names its issuer in one form, whether it was asked for or not', () => {
    const issuer = (attributes: Record<string, string>) => rowOf([], noon, csiVolume(attributes)).issuer;
    assert.equal(rowOf([{}]).issuer, 'ClusterIssuer/mesh');
    assert.equal(issuer({ 'issuer-name': 'mesh', 'issuer-kind': 'ClusterIssuer' }), 'ClusterIssuer/mesh');
    assert.equal(issuer({ 'csi.cert-manager.io/issuer-name': 'ca' }), 'Issuer/ca');
    const corp = { 'issuer-name': 'ca', 'issuer-kind': 'Corp', 'issuer-group': 'corp.example' };
    assert.equal(issuer(corp), 'Corp.corp.example/ca');
    assert.equal(issuer({}), null, "the driver's default, which no object tells");
    assert.equal(issuer({ 'issuer-name': 'ca', 'csi.certmount.io/issuer-name': 'other' }), null);
  });

  it('counts a refused request no more when a newer one was issued', async () => {
    const denied = [condition('Denied', noon)];
    const row = rowOf([
      { created: noon - 1_000, conditions: denied },
      { name: 'api-2', leaf: await issueLeaf() },
    ]);
    assert.deepEqual([row.state, row.message], ['valid', null]);
  });

  it('is one of its own for each volume of a pod, and for those of the driver alone', async () => {
    const other = { name: 'data', csi: { driver: 'other.example' } };
    const two = podWith([csiVolume(), csiVolume({}, 'second'), other, { name: 'empty' }]);
    assert.deepEqual(
      driverVolumes(two, ['csi.certmount.io']).map(({ name }) => name),
      ['certs', 'second'],
    );
    const row = rowOf([{ leaf: await issueLeaf() }], noon, csiVolume({}, 'second'), two);
    assert.equal(row.serialNumber, null);
  });

  it('is not taken from what a request only looks like', () => {
    const index = new VolumeRequestIndex();
    const stranger = requestOf();
    index.add(requestFacts({ ...stranger, metadata: { namespace: 'web', name: 'api-1' } }));
    assert.equal(index.of(pod, csiVolume()).next, undefined);
    // Whoever may make requests in one namespace says nothing of the pods of another.
    const foreign = requestOf({ conditions: [condition('Denied', noon)] });
    index.add(requestFacts({ ...foreign, metadata: { ...foreign.metadata, namespace: 'theirs' } }));
    assert.equal(index.of(pod, csiVolume()).next, undefined);
    const broken = requestOf({ conditions: [condition('Ready', noon)] });
    const facts = requestFacts({ ...broken, status: { ...broken.status, certificate: 'bm8=' } });
    assert.deepEqual([facts.phase, facts.issued], ['issued', undefined]);
  });
});

describe("the identity of a volume of cert-manager's own driver", () => {
  const other = (name: string, driver = 'csi.cert-manager.io') => ({ name, csi: { driver, readOnly: true } });

  /** Marked with its pod alone, as csi-lib does it. */
  const ownedRequest = (changes: RequestOptions, uid = 'uid-1') => {
    const request = requestOf(changes);
    const { annotations: _, ...metadata } = request.metadata;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'api', uid }];
    return requestFacts({ ...request, metadata: { ...metadata, ownerReferences } });
  };

  const objectsOf = (of: Pod, ...requests: readonly RequestFacts[]): (string | null)[] => {
    const index = new VolumeRequestIndex();
    for (const request of requests) index.add(request);
    return driverVolumes(of, ['csi.certmount.io', 'csi.cert-manager.io', 'spiffe.csi.cert-manager.io']).map(
      (volume) => csiIdentity(of, volume, index.of(of, volume), undefined, noon).object,
    );
  };

  it('is found by the pod, where it is the only one', async () => {
    const leaf = await issueLeaf();
    const mine = ownedRequest({ leaf });
    assert.deepEqual(objectsOf(podWith([other('tls')]), mine), ['api-1']);
    assert.deepEqual(objectsOf(podWith([csiVolume(), other('tls')]), mine), [null, 'api-1']);
    assert.deepEqual(objectsOf(podWith([other('a'), other('b')]), mine), [null, null]);
    assert.deepEqual(objectsOf(podWith([other('a'), other('b', 'spiffe.csi.cert-manager.io')]), mine), [
      null,
      null,
    ]);
    assert.deepEqual(objectsOf(podWith([csiVolume()]), mine), [null], 'that driver marks its own');
    assert.deepEqual(objectsOf(podWith([other('tls')]), ownedRequest({ leaf }, 'uid-2')), [null]);
  });

  it('is the newer one, when certmount has taken the volume over', async () => {
    const [before, after] = [await issueLeaf(noon - hour), await issueLeaf()];
    const theirs = ownedRequest({ created: noon - hour, leaf: before });
    const ours = requestFacts(requestOf({ name: 'api-2', volume: 'tls', leaf: after }));
    assert.deepEqual(objectsOf(podWith([other('tls')]), theirs, ours), ['api-2']);
    assert.deepEqual(objectsOf(podWith([other('tls')]), ours, theirs), ['api-2']);
  });
});
