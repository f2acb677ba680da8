import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { type Call, isKubeError, KubeError } from '../../../src/kube/index.ts';
import { FakeApiServer, failure, failureOf, hangUp, json, silence, until } from './fakes/api-server.ts';
import { configMap, configMaps } from './fakes/config-maps.ts';

const get: Call = { method: 'GET', path: '/thing' };
const key = { namespace: 'web', name: 'x' };

describe('a call', () => {
  it('sends the token of the moment, the user agent and the headers of the connection', async () => {
    await using server = await FakeApiServer.start(json({}));
    let token = 'first';
    const client = server.client({
      connection: {
        server: server.url,
        token: () => Promise.resolve(token),
        headers: { 'Impersonate-User': 'jane' },
      },
      userAgent: 'certmount/1 driver',
    });
    await client.request(get);
    token = 'second';
    await client.request(get);
    const [first, second] = server.received;
    assert.equal(first?.headers.authorization, 'Bearer first');
    assert.equal(second?.headers.authorization, 'Bearer second');
    assert.equal(first.headers['user-agent'], 'certmount/1 driver');
    assert.equal(first.headers['impersonate-user'], 'jane');
  });

  it('keeps a path prefix of the server', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client({ connection: { server: new URL('/clusters/a/', server.url) } });
    await client.request(get);
    assert.equal(server.received[0]?.url, '/clusters/a/thing');
  });

  it('answers with text what is not JSON', async () => {
    await using server = await FakeApiServer.start((response) => response.end('ok'));
    assert.equal(await server.client().request({ method: 'GET', path: '/readyz' }), 'ok');
  });

  it('uses no more connections than it may, and uses them again', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client({ maxSockets: 4 });
    await Promise.all(Array.from({ length: 50 }, () => client.request(get)));
    await client.request(get);
    assert.equal(server.received.length, 51);
    assert.equal(server.connections, 4);
  });

  it('asks for a new token when the server refuses the one it has, once', async () => {
    await using server = await FakeApiServer.start(
      failure(401, 'Unauthorized', 'Unauthorized'),
      json({ ok: true }),
    );
    const token = (options?: { fresh?: boolean }): Promise<string> =>
      Promise.resolve(options?.fresh === true ? 'new' : 'old');
    const client = server.client({ connection: { server: server.url, token } });
    assert.deepEqual(await client.request(get), { ok: true });
    assert.deepEqual(
      server.received.map(({ headers }) => headers.authorization),
      ['Bearer old', 'Bearer new'],
    );
  });

  it('is unauthorized when the newer token is refused too', async () => {
    await using server = await FakeApiServer.start(failure(401, 'Unauthorized', 'Unauthorized'));
    let made = 0;
    const client = server.client({
      connection: { server: server.url, token: () => Promise.resolve(`token-${(made += 1)}`) },
    });
    await assert.rejects(client.request(get), (error) => isKubeError(error, 'unauthorized'));
    assert.equal(server.received.length, 2);
  });

  it('is unauthorized when there is no newer token', async () => {
    await using server = await FakeApiServer.start(failure(401, 'Unauthorized', 'Unauthorized'));
    const client = server.client({ connection: { server: server.url, token: () => Promise.resolve('old') } });
    await assert.rejects(client.request(get), (error) => isKubeError(error, 'unauthorized'));
    assert.equal(server.received.length, 1);
  });

  it('leaves no timer and no listener behind, whether it succeeds or fails', async () => {
    await using server = await FakeApiServer.start(json({}), failure(404, 'NotFound', 'no'), hangUp);
    const { signal } = new AbortController();
    const client = server.client();
    await client.request(get, { signal });
    await assert.rejects(client.request(get, { signal }));
    await assert.rejects(client.request({ ...get, method: 'POST' }, { signal }));
    assert.equal(server.clock.pending, 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});

describe('a call with the token of another', () => {
  const asked: boolean[] = [];
  const connectionTo = (server: FakeApiServer) => ({
    server: server.url,
    token: (options?: { fresh?: boolean }) => {
      asked.push(options?.fresh === true);
      return Promise.resolve('own');
    },
    headers: { 'Impersonate-User': 'jane', 'X-Proxy': 'yes' },
  });
  const shownBy = (server: FakeApiServer) =>
    server.received.map(({ headers }) => [headers.authorization, headers['impersonate-user']]);

  it('shows that token and nothing of who the connection is for', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client({ connection: connectionTo(server) });
    await client.request(get, { token: 'pod' });
    assert.deepEqual(shownBy(server), [['Bearer pod', undefined]]);
    assert.equal(server.received[0]?.headers['x-proxy'], 'yes');
  });

  it('is not mixed up with the other calls of its connection', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client({ connection: connectionTo(server), maxSockets: 1 });
    await Promise.all([
      client.request(get),
      client.request(get, { token: 'pod-1' }),
      client.request(get, { token: 'pod-2' }),
      client.request(get),
    ]);
    await client.request({ ...get, method: 'POST' }, { token: 'pod-1' });
    await client.request(get);
    assert.equal(server.connections, 1);
    assert.deepEqual(shownBy(server).map(String).toSorted(), [
      ...['Bearer own,jane', 'Bearer own,jane', 'Bearer own,jane'],
      ...['Bearer pod-1,', 'Bearer pod-1,', 'Bearer pod-2,'],
    ]);
    assert.deepEqual(shownBy(server).slice(-2), [
      ['Bearer pod-1', undefined],
      ['Bearer own', 'jane'],
    ]);
  });

  it('keeps it when it is sent again', async () => {
    await using server = await FakeApiServer.start(
      failure(429, 'TooManyRequests', 'later', { 'Retry-After': '0' }),
      json({}),
    );
    const client = server.client({ connection: connectionTo(server) });
    const answered = client.request(get, { token: 'pod' });
    await until(() => server.received.length === 1);
    await server.clock.advance(10_000);
    await answered;
    assert.deepEqual(shownBy(server), [
      ['Bearer pod', undefined],
      ['Bearer pod', undefined],
    ]);
  });

  it('is never sent with our own instead when that token is refused, which no error tells', async () => {
    await using server = await FakeApiServer.start(failure(401, 'Unauthorized', 'Unauthorized'));
    const client = server.client({ connection: connectionTo(server) });
    asked.length = 0;
    const error = await failureOf(client.request(get, { token: 's3cret' }));
    assert.ok(isKubeError(error, 'unauthorized'));
    assert.deepEqual(shownBy(server), [['Bearer s3cret', undefined]]);
    assert.deepEqual(asked, []);
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /s3cret/);
  });
});

describe('the errors of calls', () => {
  it('tell method, path, reason and what the API server said, and never a token or a body', async () => {
    await using server = await FakeApiServer.start(
      failure(409, 'AlreadyExists', 'configmaps "x" already exists'),
    );
    const client = server.client({
      connection: { server: server.url, token: () => Promise.resolve('s3cret') },
    });
    const object = { ...configMap('x'), data: { password: 'hunter2' } };
    const error = await failureOf(client.resource(configMaps).create(object));
    assert.ok(isKubeError(error, 'already-exists'));
    assert.equal(error.status, 409);
    assert.equal(
      error.message,
      'POST /api/v1/namespaces/web/configmaps: 409 AlreadyExists: configmaps "x" already exists',
    );
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /s3cret|hunter2/);
  });

  it('have a reason for an answer that is no Status too', async () => {
    await using server = await FakeApiServer.start((response) => {
      response.writeHead(502, { 'Content-Type': 'text/html' });
      response.end('<html>');
    });
    const error = await failureOf(server.client().request(get, { retry: false }));
    assert.ok(isKubeError(error, 'unavailable'));
    assert.equal(error.message, 'GET /thing: 502');
  });

  it('do not quote an answer that is not the JSON it claims to be', async () => {
    await using server = await FakeApiServer.start((response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end('{"data":{"password":hunter2}}');
    });
    const error = await failureOf(server.client().request(get));
    assert.ok(error instanceof KubeError);
    assert.equal(error.reason, 'internal');
    assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /hunter2/);
  });

  it('have the cause when there is no server', async () => {
    await using server = await FakeApiServer.start();
    const client = server.client({ connection: { server: new URL('http://127.0.0.1:1') } });
    await assert.rejects(
      client.request(get, { retry: false }),
      (error) => isKubeError(error, 'unavailable') && error.message.includes('ECONNREFUSED 127.0.0.1:1'),
    );
  });
});

describe('the limits of a call', () => {
  it('end it after its time', async () => {
    await using server = await FakeApiServer.start(silence);
    const call = server.client().request(get, { timeoutMs: 5_000 });
    const failed = assert.rejects(call, (error) => {
      return isKubeError(error, 'timeout') && error.message === 'GET /thing: no answer within 5 s';
    });
    await until(() => server.received.length === 1);
    await server.clock.advance(5_000);
    await failed;
  });

  it('end it when the answer stops half way', async () => {
    await using server = await FakeApiServer.start((response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write('{"a":');
    });
    const call = server.client().request(get, { timeoutMs: 5_000 });
    const failed = assert.rejects(call, (error) => isKubeError(error, 'timeout'));
    await until(() => server.received.length === 1);
    await server.clock.advance(5_000);
    await failed;
  });

  it('end it with the signal, whose reason is the cause', async () => {
    await using server = await FakeApiServer.start(silence);
    const controller = new AbortController();
    const call = server.client().request(get, { signal: controller.signal });
    const reason = new Error('shutting down');
    const failed = assert.rejects(call, (error) => isKubeError(error, 'aborted') && error.cause === reason);
    await until(() => server.received.length === 1);
    controller.abort(reason);
    await failed;
  });

  it('send nothing for a signal that had aborted', async () => {
    await using server = await FakeApiServer.start(json({}));
    await assert.rejects(server.client().request(get, { signal: AbortSignal.abort() }), (error) =>
      isKubeError(error, 'aborted'),
    );
    assert.equal(server.received.length, 0);
  });

  it('end a call that waits for a free connection', async () => {
    await using server = await FakeApiServer.start(silence);
    const client = server.client({ maxSockets: 1 });
    const first = client.request(get, { timeoutMs: 60_000 }).catch(() => {});
    await until(() => server.received.length === 1);
    const waiting = assert.rejects(client.request(get, { timeoutMs: 5_000 }), (error) =>
      isKubeError(error, 'timeout'),
    );
    await server.clock.advance(5_000);
    await waiting;
    client.close();
    await first;
    assert.equal(server.received.length, 1);
  });

  it('hold for a plugin that does not come up with a token', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client({ connection: { server: server.url, token: () => new Promise(() => {}) } });
    const failed = assert.rejects(client.request(get, { timeoutMs: 5_000 }), (error) =>
      isKubeError(error, 'timeout'),
    );
    await server.clock.advance(5_000);
    await failed;
  });
});

describe('a call that was turned away', () => {
  for (const [code, reason] of [
    [429, 'TooManyRequests'],
    [503, 'ServiceUnavailable'],
  ] as const) {
    it(`is sent again after the Retry-After of a ${code}, a create too`, async () => {
      await using server = await FakeApiServer.start(
        failure(code, reason, 'slow down', { 'Retry-After': '3' }),
        json(configMap('x'), 201),
      );
      const creating = server
        .client()
        .resource(configMaps)
        .create({ metadata: { generateName: 'x-', namespace: 'web' } });
      await until(() => server.clock.pending === 2);
      await server.clock.advance(2_999);
      assert.equal(server.received.length, 1);
      await server.clock.advance(1);
      assert.equal((await creating).metadata.name, 'x');
      assert.equal(server.received.length, 2);
    });
  }

  it('fails with that answer when its time would not suffice for the wait', async () => {
    await using server = await FakeApiServer.start(
      failure(429, 'TooManyRequests', 'slow down', { 'Retry-After': '10' }),
    );
    await assert.rejects(
      server.client().request(get, { timeoutMs: 5_000 }),
      (error) => isKubeError(error, 'too-many-requests') && error.retryAfterMs === 10_000,
    );
  });

  it('is not sent again for a caller with a loop of its own', async () => {
    await using server = await FakeApiServer.start(
      failure(429, 'TooManyRequests', 'slow down', { 'Retry-After': '1' }),
    );
    await assert.rejects(server.client().request(get, { retry: false }), (error) =>
      isKubeError(error, 'too-many-requests'),
    );
    assert.equal(server.received.length, 1);
  });

  it('ends its wait with the signal', async () => {
    await using server = await FakeApiServer.start(
      failure(429, 'TooManyRequests', 'slow down', { 'Retry-After': '3' }),
    );
    const controller = new AbortController();
    const failed = assert.rejects(server.client().request(get, { signal: controller.signal }), (error) =>
      isKubeError(error, 'aborted'),
    );
    await until(() => server.clock.pending === 2);
    controller.abort();
    await failed;
    assert.equal(server.clock.pending, 0);
  });
});

describe('a connection that dies', () => {
  it('under a read is replaced, with a wait between', async () => {
    await using server = await FakeApiServer.start(hangUp, hangUp, json({ ok: true }));
    const reading = server.client().request(get);
    for (const sent of [1, 2]) {
      await until(() => server.received.length === sent && server.clock.pending === 2);
      await server.clock.advance(server.clock.nextInMs ?? 0);
    }
    assert.deepEqual(await reading, { ok: true });
  });

  it('under the first sending of a create makes it fail: it may have been done', async () => {
    await using server = await FakeApiServer.start(hangUp);
    await assert.rejects(server.client().resource(configMaps).create(configMap('x')), (error) =>
      isKubeError(error, 'unavailable'),
    );
    assert.equal(server.received.length, 1);
  });

  it('under a create on a pooled connection makes it go again, when its name is fixed', async () => {
    await using server = await FakeApiServer.start(json({}), hangUp, json(configMap('x'), 201));
    const client = server.client();
    await client.request(get);
    const creating = client.resource(configMaps).create(configMap('x'));
    await until(() => server.received.length === 2 && server.clock.pending === 2);
    await server.clock.advance(100);
    assert.equal((await creating).metadata.name, 'x');
    assert.equal(server.connections, 2);
  });

  it('under a create on a pooled connection makes it fail, when the server makes the name up', async () => {
    await using server = await FakeApiServer.start(json({}), hangUp);
    const client = server.client();
    await client.request(get);
    const object = { metadata: { generateName: 'x-', namespace: 'web' } };
    await assert.rejects(client.resource(configMaps).create(object), (error) =>
      isKubeError(error, 'unavailable'),
    );
    assert.equal(server.received.length, 2);
  });

  it('while it is idle is not noticed by the next call', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client();
    await client.request(get);
    server.dropIdle();
    const creating = client.resource(configMaps).create(configMap('x'));
    // Either the end was seen before the call was sent, or the call met it and is sent again.
    const advancing = until(() => server.received.length === 2 || server.clock.pending === 2);
    await advancing;
    await server.clock.advance(100);
    await creating;
    assert.equal(server.connections, 2);
  });

  it('in silence takes the idle ones along: they came the same way', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client();
    await Promise.all([client.request(get), client.request(get), client.request(get)]);
    assert.equal(server.connections, 3);
    server.answers = [silence];
    const failed = assert.rejects(client.request(get, { timeoutMs: 5_000 }), (error) =>
      isKubeError(error, 'timeout'),
    );
    await until(() => server.received.length === 4);
    await server.clock.advance(5_000);
    await failed;
    server.answers = [json({})];
    await client.request(get);
    assert.equal(server.connections, 4);
  });

  it('before it was made lets even a create go again', async () => {
    const closed = await FakeApiServer.start(json(configMap('x'), 201));
    const { url } = closed;
    await closed[Symbol.asyncDispose]();
    await using server = await FakeApiServer.start();
    const client = server.client({ connection: { server: url } });
    const object = { metadata: { generateName: 'x-', namespace: 'web' } };
    const failed = assert.rejects(
      client.resource(configMaps).create(object, { timeoutMs: 1_000 }),
      (error) => isKubeError(error, 'unavailable') && error.message.includes('ECONNREFUSED'),
    );
    let attempts = 0;
    let ended = false;
    void failed.then(() => (ended = true));
    while (!ended) {
      await until(() => ended || server.clock.pending === 2);
      attempts += 1;
      await server.clock.advance(ended ? 0 : (server.clock.nextInMs ?? 0));
    }
    assert.ok(attempts > 3);
  });
});

describe('closing the client', () => {
  it('ends what is under way and refuses what comes', async () => {
    await using server = await FakeApiServer.start(silence);
    const client = server.client();
    const failed = assert.rejects(client.request(get), (error) => isKubeError(error, 'aborted'));
    await until(() => server.received.length === 1);
    client.close();
    await failed;
    await assert.rejects(client.resource(configMaps).get(key), (error) => isKubeError(error, 'aborted'));
    assert.equal(server.clock.pending, 0);
  });
});
