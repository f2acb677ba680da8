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
    /** Bearer tokens of the calls; undefined for the connection's own. */
    tokens: [] as (string | undefined)[],
    failure: undefined as Error | undefined,
    requester: undefined as unknown as Requester,
  };
  const client = {
    request: async (_call, options) => {
      world.asked += 1;
      world.tokens.push(options?.token);
      if (world.failure !== undefined) throw world.failure;
      const name = options?.token;
      return { status: { userInfo: name === undefined ? userInfo : { username: `owner of ${name}` } } };
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

describe("who a pod's service account is to the API server", () => {
  it('is asked for with its token, once for each', async () => {
    const world = setUp();
    const answers = await Promise.all(['a', 'b', 'a'].map((token) => world.requester.identity(token)));
    assert.deepEqual(
      answers.map(({ username }) => username),
      ['owner of a', 'owner of b', 'owner of a'],
    );
    assert.deepEqual(world.tokens, ['a', 'b']);
  });

  it('is not mixed up with the driver, whose own token is another', async () => {
    const world = setUp();
    world.token = 'a';
    assert.equal((await world.requester.identity()).username, 'driver');
    assert.equal((await world.requester.identity('b')).username, 'owner of b');
    assert.equal((await world.requester.identity()).username, 'driver');
    assert.deepEqual(world.tokens, [undefined, 'b']);
  });

  it('is forgotten when many others were asked for since', async () => {
    const world = setUp();
    await world.requester.identity('token-0');
    for (let n = 1; n <= 256; n++) await world.requester.identity(`token-${n}`);
    await world.requester.identity('token-256');
    assert.equal(world.asked, 257);
    await world.requester.identity('token-0');
    assert.equal(world.asked, 258);
  });

  it('is asked for again after a failure', async () => {
    const world = setUp();
    world.failure = new Error('away');
    await assert.rejects(world.requester.identity('a'), /away/);
    world.failure = undefined;
    assert.equal((await world.requester.identity('a')).username, 'owner of a');
  });
});
