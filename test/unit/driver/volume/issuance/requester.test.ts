import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Requester } from '../../../../../src/driver/volume/issuance/requester.ts';
import type { KubeClient } from '../../../../../src/kube/index.ts';

function setUp(
  userInfo: object | undefined = { username: 'driver', uid: 'u', groups: ['g'], extra: { e: ['x'] } },
) {
  const world = {
    token: 'one' as string | undefined,
    asked: 0,
    failure: undefined as Error | undefined,
    requester: undefined as unknown as Requester,
  };
  const client = {
    request: async () => {
      world.asked += 1;
      if (world.failure !== undefined) throw world.failure;
      return { status: { userInfo } };
    },
  } as Pick<KubeClient, 'request'>;
  world.requester = new Requester({}, { client, token: async () => world.token });
  return world;
}

describe('who the driver is to the API server', () => {
  it('is asked for once a token, by however many at once', async () => {
    const world = setUp();
    const answers = await Promise.all([1, 2, 3].map(() => world.requester.identity()));
    assert.deepEqual(answers[0], { username: 'driver', uid: 'u', groups: ['g'], extra: { e: ['x'] } });
    await world.requester.identity();
    assert.equal(world.asked, 1);
    world.token = 'two';
    await world.requester.identity();
    assert.equal(world.asked, 2);
  });

  it('is asked for once with a client certificate, and may be no more than a name', async () => {
    const world = setUp({ username: 'system:node:n1' });
    world.token = undefined;
    assert.deepEqual(await world.requester.identity(), { username: 'system:node:n1' });
    await world.requester.identity();
    assert.equal(world.asked, 1);
  });

  it('is asked for again after a failure', async () => {
    const world = setUp();
    world.failure = new Error('away');
    await assert.rejects(world.requester.identity(), /away/);
    world.failure = undefined;
    await world.requester.identity();
    assert.equal(world.asked, 2);
  });
});
