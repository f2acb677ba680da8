import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { anchorsHash } from '../../../../src/api/anchor-set.ts';
import { AnchorSets } from '../../../../src/driver/trust/anchor-sets.ts';
import { KubeError } from '../../../../src/kube/index.ts';
import { parseChain } from '../../../../src/pki/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { Authority } from '../support/authority.ts';
import { failure, minute } from '../support/builders.ts';
import { bundle, FakeAnchorSets, issuer } from '../support/fake-anchor-sets.ts';

const authority = await Authority.create(Date.UTC(2026, 0, 1));
const { pem } = authority.certificate;

let clock: FakeClock;
let api: FakeAnchorSets;
let sets: AnchorSets;
let logged: string[];
let heard: (string | undefined)[];
let stop: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  api = new FakeAnchorSets();
  logged = [];
  heard = [];
  stop = new AbortController();
  const log = (_fields: object, message: string): void => void logged.push(message);
  sets = new AnchorSets(
    {},
    {
      reflector: (onError) => api.reflector(clock, onError),
      read: (name) => api.read(name),
      readAnchors: parseChain,
      clock,
      random: () => 0,
      log: { ...silentLogger, info: log, warn: log, error: log },
    },
  );
  sets.subscribe((source) => heard.push(source));
});
afterEach(() => stop.abort());

async function start(): Promise<void> {
  void sets.run(stop.signal);
  for (let turn = 0; turn < 10; turn++) await settle();
}

describe('the anchor sets of a cluster', () => {
  it('are found by their source', async () => {
    api.set(issuer, pem, { trustDomain: 'cluster.local', refreshHintSeconds: 60 });
    await start();
    assert.equal(sets.state, 'known');
    const found = sets.find(issuer);
    assert.equal(found?.name, 'issuer.web.ca');
    assert.equal(found.anchors, pem);
    assert.equal(found.hash, anchorsHash(pem));
    assert.deepEqual([found.sequence, found.refreshHintSeconds], [1, 60]);
    assert.equal(sets.find(bundle('ca')), undefined);
    assert.equal(
      sets.find({ kind: 'Issuer', namespace: 'web', name: 'CA' }),
      undefined,
      'not by the name alone',
    );
  });

  it('are told of all together when they are first heard of', async () => {
    for (let index = 0; index < 50; index += 1) api.set(bundle(`b${index}`), pem);
    await start();
    assert.deepEqual(heard, [undefined]);
  });

  it('tell of what changes, and not of what does not', async () => {
    api.set(issuer, pem);
    await start();
    heard.length = 0;
    api.set(issuer, pem, { sequence: 1 });
    await settle();
    assert.deepEqual(heard, [], 'a change of the status');
    api.set(issuer, pem, { sequence: 1, reissueBefore: '2026-01-01T00:00:00Z', reissueSeconds: 5 });
    await settle();
    assert.deepEqual(heard, ['Issuer/web/ca']);
    assert.deepEqual(sets.find(issuer)?.reissue, { before: Date.UTC(2026, 0, 1), seconds: 5 });
    api.delete(issuer);
    await settle();
    assert.equal(sets.find(issuer), undefined);
  });

  for (const [what, anchors] of [
    ['empty', ''],
    ['unreadable', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ] as const) {
    it(`keep the last state of one that becomes ${what}`, async () => {
      api.set(issuer, pem);
      await start();
      assert.ok(sets.find(issuer));
      for (let times = 0; times < 3; times++) {
        api.set(issuer, anchors);
        await settle();
        const found = sets.find(issuer);
        assert.equal(found?.hash, anchorsHash(pem));
        assert.equal(found.presentHash, anchorsHash(anchors));
        assert.deepEqual(sets.count(), { sets: 1, refused: 1 });
      }
      assert.match(logged.join(), /its last state stays in use/);
      api.set(issuer, pem);
      await settle();
      assert.equal(sets.find(issuer)?.presentHash, anchorsHash(pem));
      assert.equal(sets.count().refused, 0);
    });
  }

  it('have none for a set that never had anchors', async () => {
    api.set(issuer, '');
    await start();
    assert.equal(sets.find(issuer), undefined);
  });
});

describe('a cluster without AnchorSets', () => {
  it('is asked again after minutes, and told of once', async () => {
    api.installed = false;
    await start();
    assert.equal(sets.state, 'absent');
    await clock.advance(10 * minute);
    assert.ok(api.lists <= 6, `${api.lists} lists`);
    assert.equal(logged.length, 1);
    api.installed = true;
    api.set(issuer, pem);
    await clock.advance(2 * minute);
    assert.equal(sets.state, 'known');
    assert.ok(sets.find(issuer));
  });

  it('is one in which the driver may not read them', async () => {
    api.list = async () => {
      throw new KubeError('forbidden', 'LIST: 403', { status: 403 });
    };
    await start();
    assert.equal(sets.state, 'absent');
    assert.match(logged.join(), /may not read AnchorSets/);
  });

  it('is not taken for one whose API server is away', async () => {
    api.list = async () => {
      throw new KubeError('unavailable', 'LIST: connection refused');
    };
    await start();
    assert.equal(sets.state, 'unknown');
  });
});

describe('who waits for anchors', () => {
  it('goes on as soon as they are there', async () => {
    await start();
    const unmet = (): string | undefined => (sets.find(issuer) === undefined ? 'the issuer' : undefined);
    const waiting = sets.whenMet(unmet, stop.signal);
    api.set(issuer, pem);
    await waiting;
  });

  it('hears what is missing when time is up', async () => {
    await start();
    const waiting = sets.whenMet(() => 'Bundle mesh', stop.signal);
    stop.abort(new Error('deadline'));
    await assert.rejects(waiting, failure('not-issued-yet', 'the volume waits for Bundle mesh'));
  });
});
