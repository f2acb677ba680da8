import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isKubeError } from '../../../src/kube/index.ts';
import type { ObjectKey } from '../../../src/kube/index.ts';
import { newCa } from '../../unit/controller/builders.ts';
import { startController } from './support/controller.ts';
import type { RunningController } from './support/controller.ts';
import { verifyIssued } from './support/openssl.ts';
import { eventually } from '../../support/eventually.ts';
import { World } from './support/world.ts';

const day = 24 * 60 * 60 * 1000;
const root = await newCa({
  notBefore: new Date(Date.now() - day),
  notAfter: new Date(Date.now() + 365 * day),
});

let world: World;
let controller: RunningController;

before(async () => {
  world = await World.startWithCa(root);
  controller = await startController(world, ['--leader-elect=false']);
});
after(async () => {
  await controller.stop();
  await world.stop();
});

describe('an API server that is killed and comes back', () => {
  it('loses no request: those under way and those that come later are all issued', async () => {
    const keys: ObjectKey[] = [];
    const creating = Promise.all(Array.from({ length: 8 }, () => createInto(keys, 25)));
    await eventually('some requests to be created', () => Promise.resolve(keys.length > 50 || undefined));
    await world.cluster.killApiServer();
    assert.ok(keys.length < 200);
    await world.cluster.startApiServer();
    await creating;
    for (const key of keys) await world.whenReady(key, 'Issued', 60_000);
    const last = keys.at(-1);
    assert.ok(last);
    await verifyIssued(await world.whenReady(last));
  });

  it('gets no second certificate for a request that had one', async () => {
    const key = await world.request();
    const { metadata } = await world.whenReady(key);
    await world.cluster.killApiServer();
    await world.cluster.startApiServer();
    const [next = key] = await createInto([], 1);
    await world.whenReady(next, 'Issued', 60_000);
    const same = await world.whenReady(key);
    assert.equal(same.metadata.resourceVersion, metadata.resourceVersion);
  });
});

/** Goes on creating while the server is away, or up but not serving the custom resources yet. */
async function createInto(keys: ObjectKey[], count: number): Promise<ObjectKey[]> {
  for (let created = 0; created < count;) {
    try {
      keys.push(await world.request());
      created += 1;
    } catch (error) {
      if (!isKubeError(error, 'unavailable', 'not-found', 'timeout', 'forbidden')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return keys;
}
