import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificateRequestPolicies } from '../../src/api/certificate-request-policy.ts';
import { certificateRequests } from '../../src/api/certificate-request.ts';
import { getCondition } from '../../src/api/condition.ts';
import type { Pod } from '../../src/api/core.ts';
import { nodes } from '../../src/api/core.ts';
import { eventually } from '../support/eventually.ts';
import { mayUse } from '../support/may-use.ts';
import { createNode, deletePod } from '../support/node-identity.ts';
import { fromBase64, newCsr, newKey } from '../unit/controller/builders.ts';
import { csrFor, ownerOf, SecurityWorld, spiffeIdOf } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';

let world: SecurityWorld;
let driver: Actor;

before(async () => {
  world = await SecurityWorld.start();
  driver = await world.driver('node-a');
  await world.cluster.apply(mayUse('wide', { kind: 'ServiceAccount', namespace: 'web', name: 'app' }));
});
after(() => world.stop());

describe('a pod that is deleted while its node asks for it', () => {
  it('gets a certificate only if it was there when that was decided, in forty races', async () => {
    const pods = await Promise.all(Array.from({ length: 40 }, () => world.pod()));
    const races = await Promise.all(
      pods.map(async (pod, n) => {
        // Some are asked for before, some at the same moment, some just after.
        const asked = sleep((n % 8) * 4).then(() => world.ask(driver, pod));
        await sleep(12);
        await deletePod(world.admin, pod);
        return { goneAt: Date.now(), request: await world.final(await asked) };
      }),
    );
    for (const { goneAt, request } of races) {
      const approved = getCondition(request.status?.conditions, 'Approved');
      if (!approved) {
        assert.equal(request.status?.certificate, undefined);
        continue;
      }
      // The watch is behind by as long as an event takes, and the time has whole seconds.
      const at = Date.parse(approved.lastTransitionTime ?? '');
      assert.ok(
        at <= goneAt + 1000,
        `${approved.lastTransitionTime} after ${new Date(goneAt).toISOString()}`,
      );
    }
    await sleep(1000);
    for (const pod of pods) await world.assertDenied(await world.ask(driver, pod), /does not exist/);
  });

  it('does not lend its certificate to the next of its name, in twenty races', async () => {
    for (let n = 0; n < 20; n++) {
      const name = `racing-${n}`;
      const first = await world.pod({ name, serviceAccount: 'back' });
      const asked = world.ask(driver, first);
      await deletePod(world.admin, first);
      const second = await world.pod({ name });
      await asked.then((key) => world.final(key));
      // What the first could have is nothing of the second's, which has another account and another uid.
      const csr = await csrFor({ uris: [spiffeIdOf(first)] });
      const mixed = await world.ask(driver, second, { csr });
      await world.assertDenied(mixed, /must be the pod's SPIFFE ID/);
      await world.assertDenied(
        await world.ask(driver, second, { csr, owners: [ownerOf(first)] }),
        /has uid .*, expected/,
      );
      await world.assertIssued(await world.ask(driver, second));
    }
  });

  it('is not asked for with the credentials of a node that was made anew, however soon', async () => {
    const old = await world.driver('node-c');
    const pod = await world.pod({ nodeName: 'node-c' });
    await world.assertIssued(await world.ask(old, pod));
    await world.admin.resource(nodes).delete({ name: 'node-c' });
    await createNode(world.admin, 'node-c');
    await eventually(
      'the watch of nodes to tell',
      async () => {
        const { status } = await world.final(await world.ask(old, pod));
        return status?.certificate === undefined || undefined;
      },
      2000,
    );
    await world.assertDenied(await world.ask(old, pod), /but that node has uid/);
  });
});

describe('a policy that is changed while nodes ask', () => {
  const names = ['shop.example.org'];
  const uris = ['spiffe://cluster.local/ns/web/sa/app'];
  const spec = (dnsNames?: string[]): object => ({
    selector: { issuerRef: {} },
    allowed: { uris: { values: uris }, ...(dnsNames && { dnsNames: { values: dnsNames } }) },
  });

  it('gives nothing any more when it was narrowed, and nothing when it is gone', async () => {
    const csr = await csrFor({ uris, dnsNames: names });
    const pod = await world.pod();
    const policies = world.admin.resource(certificateRequestPolicies);
    const key = { name: 'wide' };
    await policies.create({ metadata: key, spec: spec(names) as never });
    await eventually(
      'the policy to be used',
      async () => {
        const { status } = await world.final(await world.ask(driver, pod, { csr }));
        return status?.certificate === undefined ? undefined : true;
      },
      45_000,
    );
    for (const change of ['narrowed', 'deleted'] as const) {
      const storm = Array.from({ length: 10 }, () => world.ask(driver, pod, { csr }));
      if (change === 'deleted') await policies.delete(key);
      else await policies.patch(key, { spec: { allowed: { dnsNames: null } } });
      for (const request of await Promise.all(storm)) await world.final(request);
      await sleep(1000);
      for (let n = 0; n < 5; n++)
        await world.assertDenied(await world.ask(driver, pod, { csr }), /dnsNames "shop\.example\.org"/);
      await world.assertIssued(await world.ask(driver, pod));
      if (change === 'narrowed') await policies.patch(key, { spec: spec(names) });
    }
  });
});

describe('a request that was seen before', () => {
  it('is judged anew when one of its name is made again, in ten turns', async () => {
    const resource = world.admin.resource(certificateRequests);
    const pod = await world.pod();
    const foreign = await csrFor({ uris: ['spiffe://cluster.local/ns/store/sa/app'] });
    for (let n = 0; n < 10; n++) {
      const name = 'again';
      const good = await world.ask(driver, pod, { name });
      if (n % 2 === 0) await world.assertIssued(good);
      await resource.delete(good);
      const bad = await world.ask(driver, pod, { name, csr: foreign });
      if (n % 3 !== 0) await world.assertDenied(bad, /must be the pod's SPIFFE ID/);
      await resource.delete(bad);
    }
    await world.assertIssued(await world.ask(driver, pod, { name: 'again' }));
  });

  it('gives its key’s owner alone a certificate, when another node sends it again', async () => {
    const key = await newKey();
    const theirs = await world.pod({ nodeName: 'node-b', serviceAccount: 'back' });
    const mine = await world.pod();
    const csr = await newCsr({ key, altNames: altNamesOf(theirs) });
    await world.assertDenied(await world.ask(driver, mine, { csr }), /must be the pod's SPIFFE ID/);
    const other = await world.driver('node-b');
    for (let n = 0; n < 2; n++) {
      const { status } = await world.assertIssued(await world.ask(other, theirs, { csr }));
      const certificate = new X509Certificate(fromBase64(status?.certificate));
      assert.ok(certificate.checkPrivateKey(key));
    }
  });
});

function altNamesOf(pod: Pod): { uris: string[]; dnsNames: []; ipAddresses: []; emailAddresses: [] } {
  return { uris: [spiffeIdOf(pod)], dnsNames: [], ipAddresses: [], emailAddresses: [] };
}
