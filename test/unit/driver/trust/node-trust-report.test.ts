import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { AppliedAnchorSet, NodeTrust } from '../../../../src/api/node-trust.ts';
import { NodeTrustReport } from '../../../../src/driver/trust/node-trust-report.ts';
import type { RequesterIdentity } from '../../../../src/driver/volume/issuance/requester.ts';
import { KubeError, type ObjectKey } from '../../../../src/kube/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { minute, second } from '../support/builders.ts';

const bound: RequesterIdentity = {
  username: 'system:serviceaccount:certmount:certmount-driver',
  extra: {
    'authentication.kubernetes.io/node-name': ['node-1'],
    'authentication.kubernetes.io/node-uid': ['uid-1'],
  },
};
const one: AppliedAnchorSet = { name: 'clusterissuer.ca', hash: '0123456789abcdef', volumes: 2, behind: 0 };

let clock: FakeClock;
let stop: AbortController;
let sets: AppliedAnchorSet[];
let stored: NodeTrust | undefined;
let writes: string[];
let isDown: boolean;
let identity: RequesterIdentity;
let logged: string[];
let report: NodeTrustReport;
let random: number;

beforeEach(() => {
  clock = new FakeClock();
  stop = new AbortController();
  sets = [one];
  stored = undefined;
  writes = [];
  isDown = false;
  identity = bound;
  logged = [];
  random = 0;
  const log = (_fields: object, message: string): void => void logged.push(message);
  const nodeTrusts = {
    create: async (object: NodeTrust) => {
      writes.push('create');
      stored = structuredClone(object);
      return object;
    },
    patch: async (_key: ObjectKey, body: unknown) => {
      if (isDown) throw new KubeError('unavailable', 'PATCH: connection refused');
      if (stored === undefined) throw new KubeError('not-found', 'PATCH: 404', { status: 404 });
      writes.push('patch');
      const { metadata, spec } = structuredClone(body) as NodeTrust;
      stored = { ...stored, metadata: { ...stored.metadata, ...metadata }, spec };
      return stored;
    },
  };
  report = new NodeTrustReport(
    { driverName: 'csi.certmount.io' },
    {
      nodeTrusts,
      identity: async () => identity,
      sets: () => sets,
      clock,
      random: () => random,
      log: { ...silentLogger, info: log, warn: log },
    },
  );
  void report.run(stop.signal);
});
afterEach(() => stop.abort());

async function tell(next: AppliedAnchorSet[], ms = second): Promise<void> {
  sets = next;
  report.changed();
  await clock.advance(ms);
}

describe('the report of what a node trusts', () => {
  it('is owned by the node, and names set, hash and volumes', async () => {
    await tell([one]);
    assert.deepEqual(stored?.metadata, {
      name: 'node-1.csi.certmount.io',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'uid-1' }],
    });
    assert.deepEqual(stored.spec, { nodeName: 'node-1', driverName: 'csi.certmount.io', sets: [one] });
  });

  it('is written once for many changes, and not when nothing changes', async () => {
    for (let times = 0; times < 100; times++) report.changed();
    await clock.advance(499);
    assert.deepEqual(writes, []);
    await clock.advance(1);
    await tell([{ ...one }]);
    assert.deepEqual(writes, ['create']);
  });

  it('tells of a new hash within a second, and of other counts within a minute', async () => {
    await tell([one]);
    await tell([{ ...one, hash: 'fedcba9876543210' }]);
    assert.equal(stored?.spec.sets[0]?.hash, 'fedcba9876543210');
    for (let volumes = 3; volumes < 30; volumes++)
      await tell([{ ...one, hash: 'fedcba9876543210', volumes }]);
    assert.equal(writes.length, 2);
    await clock.advance(minute);
    assert.equal(writes.length, 3);
    assert.equal(stored.spec.sets[0]?.volumes, 29);
  });

  it('comes within two and a half seconds, at another moment from each node', async () => {
    random = 0.9;
    report.changed();
    await clock.advance(2_299);
    assert.deepEqual(writes, []);
    await clock.advance(1);
    assert.deepEqual(writes, ['create']);
  });

  it('is owned by the node as it is now, when that was made anew', async () => {
    await tell([one]);
    identity = { ...bound, extra: { ...bound.extra, 'authentication.kubernetes.io/node-uid': ['uid-2'] } };
    await tell([{ ...one, behind: 1 }]);
    assert.equal(stored?.metadata.ownerReferences?.[0]?.uid, 'uid-2');
  });

  it('names no more sets than it may have, those of all namespaces first', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({ ...one, name: `issuer.web.${index}` }));
    await tell([one, ...many]);
    assert.equal(stored?.spec.sets.length, 1_024);
    assert.deepEqual(stored.spec.sets[0], one);
    assert.ok(logged.some((message) => message.includes('1024')));
    await tell([one, ...many, { ...one, name: 'issuer.web.x' }], 2 * minute);
    assert.deepEqual(writes, ['create'], 'and does not repeat itself');
  });

  it('is empty when the last volume has gone, and is not made for none', async () => {
    await tell([]);
    assert.deepEqual(writes, []);
    await tell([one]);
    await tell([]);
    assert.deepEqual(stored?.spec.sets, []);
  });

  it('comes back when somebody has deleted it', async () => {
    await tell([one]);
    stored = undefined;
    await tell([{ ...one, behind: 1 }]);
    assert.deepEqual(writes, ['create', 'create']);
    stored = undefined;
    await clock.advance(16 * minute);
    assert.deepEqual(writes, ['create', 'create', 'create'], 'also when nothing changes');
  });

  it('is tried again until the API server is back', async () => {
    isDown = true;
    await tell([one], 10 * minute);
    assert.ok(logged.length < 15, `${logged.length} attempts`);
    isDown = false;
    await clock.advance(3 * minute);
    assert.deepEqual(writes, ['create']);
  });

  it('is left out where the credentials are bound to no node, which is told once', async () => {
    identity = { username: 'admin' };
    await tell([one]);
    await tell([{ ...one, behind: 1 }]);
    assert.deepEqual(writes, []);
    assert.equal(logged.length, 1);
  });
});
