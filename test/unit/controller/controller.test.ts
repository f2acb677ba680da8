import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Issuer } from '../../../src/api/issuer.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeCluster } from './support/fake-cluster.ts';
import { startController } from './support/start-controller.ts';

const issuers = Array.from({ length: 100 }, (_, number): Issuer => {
  const metadata = { name: 'ca', namespace: `team-${number}`, uid: `u${number}`, resourceVersion: '50' };
  return { metadata, spec: { ca: { secretName: 'ca' } } };
});

describe('a leader whose API server does not answer calls for Secrets', () => {
  it('asks for a few of the Secrets that issuers name at once', async () => {
    await using cluster = new FakeCluster(issuers);
    cluster.fate = (path) => (/\/namespaces\/team-.*\/secrets$/.test(path) ? 'hang' : undefined);
    await using controller = await startController(await cluster.start(), new FakeClock());
    await eventually('lists to hang', () => cluster.hanging.size >= 8 || undefined);
    await eventually('it to be ready', async () => (await controller.ready()) === 'ok' || undefined);
    assert.equal(cluster.hanging.size, 8);
  });

  it('renews its Lease over a connection that nothing else has to do with', async () => {
    await using cluster = new FakeCluster(issuers);
    cluster.fate = (path) => (path.includes('/leases') ? undefined : 'hang');
    const clock = new FakeClock();
    await using _ = await startController(await cluster.start(), clock);
    await eventually('lists to hang', () => cluster.hanging.size > 0 || undefined);
    await eventually('the Lease to be renewed', async () => {
      await clock.advance(500);
      return cluster.renewals > 4 || undefined;
    });
    for (const paths of cluster.paths.values()) {
      const kinds = new Set([...paths].map((path) => (path.includes('/leases') ? 'Lease' : 'other')));
      assert.equal(kinds.size, 1);
    }
  });
});

describe('/readyz of a controller', () => {
  async function start(cluster: FakeCluster) {
    const clock = new FakeClock();
    const controller = await startController(await cluster.start(), clock);
    return {
      /** Time passes until it says so. */
      says: (answer: string) =>
        eventually(answer, async () => {
          await clock.advance(500);
          return (await controller.ready()) === answer || undefined;
        }),
      [Symbol.asyncDispose]: () => controller[Symbol.asyncDispose](),
    };
  }

  it('is not ok for one that has lost its Lease, until it leads again', async () => {
    await using cluster = new FakeCluster();
    await using controller = await start(cluster);
    await controller.says('ok');
    cluster.fate = (path) => (path.includes('/leases') ? 'fail' : undefined);
    await controller.says('nobody leads');
    await controller.says('the leader is not known');
    cluster.fate = () => undefined;
    await controller.says('ok');
  });

  it('is ok for one that stands by, as long as it hears of the leader', async () => {
    await using cluster = new FakeCluster();
    const metadata = { name: 'certmount-controller', namespace: 'certmount', resourceVersion: '1' };
    cluster.lease = { metadata, spec: { holderIdentity: 'other', leaseDurationSeconds: 3600 } };
    await using controller = await start(cluster);
    await controller.says('ok');
    cluster.fate = () => 'hang';
    await controller.says('the leader is not known');
    cluster.fate = () => undefined;
    await controller.says('ok');
    assert.equal(cluster.renewals, 0);
  });
});
