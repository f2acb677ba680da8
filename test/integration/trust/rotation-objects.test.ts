import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { anchorSets } from '../../../src/api/anchor-set.ts';
import { secrets } from '../../../src/api/core.ts';
import { issuers } from '../../../src/api/issuer.ts';
import { readCaKeyPair } from '../../../src/controller/issuers/ca/ca-key-pair.ts';
import { AnchorSets } from '../../../src/controller/trust/anchor-sets/anchor-sets.ts';
import { leftoverGraceMs } from '../../../src/controller/trust/anchor-sets/leftovers.ts';
import { PreviousPairs } from '../../../src/controller/trust/rotation/previous-pairs.ts';
import type { KeptPair } from '../../../src/controller/trust/rotation/previous-pairs.ts';
import { isKubeError, KubeClient, systemClock } from '../../../src/kube/index.ts';
import { silentLogger } from '../../../src/runtime/log.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { caSecret } from '../../unit/controller/builders.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { World } from '../controller/support/world.ts';
import { currentCa } from './support/rotation-world.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';

const [old, present] = [await currentCa('Old'), await currentCa('Present')];

let world: World;
/** With the permissions that the controller is installed with. */
let client: KubeClient;

before(async () => {
  world = await World.startWithCa(present);
  const connection = await world.cluster.connection(controllerCredentials);
  client = new KubeClient(
    { connection, userAgent: 'certmount-controller/test' },
    { clock: systemClock, random: Math.random },
  );
});
after(async () => {
  client.close();
  await world.stop();
});

function kept(ca: TestCa): KeptPair {
  const secret = caSecret(ca);
  const read = readCaKeyPair(secret);
  assert.ok(read.usable);
  return { pair: read.keyPair, secret };
}

describe('the Secret with an old CA', () => {
  const beside = { namespace: 'web', name: 'ca' };

  it('is found by the controller that comes after, and removed with the last word', async () => {
    const { metadata } = await world.client.resource(issuers).get(beside);
    const owner = { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', name: 'ca', uid: metadata.uid ?? '' };
    const pairs = (): PreviousPairs => new PreviousPairs({ resource: client.resource(secrets) });
    await pairs().keep(beside, kept(present), [owner]);
    const first = pairs();
    await first.keep(beside, kept(old), [owner]);
    const second = pairs();
    await second.read(beside);
    assert.equal(second.get(beside)?.pair.id, kept(old).pair.id);
    const key = { namespace: 'web', name: 'ca-certmount-previous' };
    const { metadata: written, type } = await world.client.resource(secrets).get(key);
    assert.equal(type, 'kubernetes.io/tls');
    assert.deepEqual(written.ownerReferences, [owner], 'it goes with the issuer');
    await second.release(beside, [owner]);
    await assert.rejects(world.client.resource(secrets).get(key), (error) => isKubeError(error, 'not-found'));
  });

  it('does not take the place of a Secret that is not of the controller', async () => {
    const key = { namespace: 'web', name: 'theirs-certmount-previous' };
    await world.putSecret(key, { 'tls.crt': 'x' });
    const pairs = new PreviousPairs({ resource: client.resource(secrets) });
    const owner = { apiVersion: 'v1', kind: 'Issuer', name: 'ca', uid: 'u' };
    await assert.rejects(
      pairs.keep({ namespace: 'web', name: 'theirs' }, kept(old), [owner]),
      /secrets "web\/theirs-certmount-previous" exists and is not certmount's/,
    );
  });
});

describe('an AnchorSet', () => {
  it('goes some time after its issuer, and no other does', async () => {
    const clock = new FakeClock(Date.now());
    const sets = new AnchorSets({ client, clock, random: Math.random, log: silentLogger });
    sets.collect('Issuer', (source) => source.name === 'here');
    const stop = new AbortController();
    const ended = sets.run(stop.signal);
    const gone = { kind: 'Issuer', namespace: 'web', name: 'gone' } as const;
    const here = { ...gone, name: 'here' };
    try {
      for (const source of [gone, here]) await sets.writer.write(source, { anchors: present.pem });
      await eventually('the watch to tell of both', () => [...sets.list()].length === 2 || undefined);
      await clock.advance(leftoverGraceMs + 60_000);
      await clock.advance(60_000);
      await eventually('the one to be gone', async () => {
        const { items } = await world.client.resource(anchorSets).list();
        return items.map(({ metadata }) => metadata.name).join() === 'issuer.web.here' || undefined;
      });
    } finally {
      stop.abort();
      await ended;
    }
  });

  it('is refused with a source that is none', async () => {
    const spec = { source: 'Issuer/ca', anchors: '', sequence: 1 };
    const create = world.client.resource(anchorSets).create({ metadata: { name: 'odd' }, spec });
    await assert.rejects(create, /spec\.source/);
  });
});
