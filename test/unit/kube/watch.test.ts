import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { isKubeError, type WatchEvent } from '../../../src/kube/index.ts';
import { FakeApiServer, failure, until } from './fakes/api-server.ts';
import { type ConfigMap, configMap, configMaps } from './fakes/config-maps.ts';

interface Watch {
  readonly events: WatchEvent<ConfigMap>[];
  readonly done: Promise<void>;
  readonly response: ServerResponse;
  readonly stop: AbortController;
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

async function watching(
  server: FakeApiServer,
  onEvent?: (event: WatchEvent<ConfigMap>) => void,
): Promise<Watch> {
  let response: ServerResponse | undefined;
  server.answers = [
    (answer) => {
      response = answer;
      answer.writeHead(200, { 'Content-Type': 'application/json' });
      answer.flushHeaders();
    },
  ];
  const events: WatchEvent<ConfigMap>[] = [];
  const stop = new AbortController();
  let open = false;
  const done = server
    .client()
    .resource(configMaps)
    .watch({ namespace: 'web', resourceVersion: '5' }, onEvent ?? ((event) => events.push(event)), {
      signal: stop.signal,
      inactivityMs: 60_000,
      onOpen: () => (open = true),
    });
  done.catch(() => {});
  await until(() => open);
  assert.ok(response);
  return { events, done, response, stop };
}

describe('a watch', () => {
  it('gives each event as soon as its line is whole, until the server ends it', async () => {
    await using server = await FakeApiServer.start();
    const { events, done, response } = await watching(server);
    assert.equal(server.received[0]?.url, '/api/v1/namespaces/web/configmaps?resourceVersion=5&watch=true');
    const text = Buffer.from(line('ADDED', { ...configMap('x', 6), data: { a: 'grün' } }));
    const middle = text.indexOf('ü') + 1;
    response.write(text.subarray(0, middle));
    response.write(line('', '').slice(0, 0));
    await until(() => server.clock.pending === 1);
    response.write(text.subarray(middle));
    await until(() => events.length === 1);
    assert.equal(events[0]?.object.data?.['a'], 'grün');
    response.write(
      line('MODIFIED', configMap('x', 7)) + line('BOOKMARK', { metadata: { resourceVersion: '9' } }),
    );
    await until(() => events.length === 3);
    response.end();
    await done;
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'BOOKMARK'],
    );
    assert.equal(server.clock.pending, 0);
  });

  it('fails with the reason of an ERROR event', async () => {
    await using server = await FakeApiServer.start();
    const { done, response } = await watching(server);
    response.write(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }));
    await assert.rejects(done, (error) => {
      return isKubeError(error, 'gone') && error.message.endsWith('configmaps: 410 Expired: too old');
    });
    assert.equal(server.clock.pending, 0);
  });

  it('fails with the answer when the server refuses it', async () => {
    await using server = await FakeApiServer.start(failure(410, 'Gone', 'too old'));
    const watch = server
      .client()
      .resource(configMaps)
      .watch({}, () => {}, { signal: new AbortController().signal, inactivityMs: 1 });
    await assert.rejects(watch, (error) => isKubeError(error, 'gone'));
  });

  it('fails when the connection breaks', async () => {
    await using server = await FakeApiServer.start();
    const { done, response } = await watching(server);
    response.destroy();
    await assert.rejects(done, (error) => isKubeError(error, 'unavailable'));
    assert.equal(server.clock.pending, 0);
  });

  it('is taken for dead when nothing comes for a while, and not before', async () => {
    await using server = await FakeApiServer.start();
    const { events, done, response } = await watching(server);
    await server.clock.advance(59_000);
    response.write(line('BOOKMARK', { metadata: { resourceVersion: '6' } }));
    await until(() => events.length === 1);
    await server.clock.advance(59_000);
    response.write(line('BOOKMARK', { metadata: { resourceVersion: '7' } }));
    await until(() => events.length === 2);
    const failed = assert.rejects(done, (error) => isKubeError(error, 'timeout'));
    await server.clock.advance(120_000);
    await failed;
  });

  it('has no limit but silence once it is open', async () => {
    await using server = await FakeApiServer.start();
    const { events, response, stop, done } = await watching(server);
    for (let minute = 1; minute <= 10; minute += 1) {
      await server.clock.advance(50_000);
      response.write(line('BOOKMARK', { metadata: { resourceVersion: '6' } }));
      await until(() => events.length === minute);
    }
    stop.abort();
    await assert.rejects(done, (error) => isKubeError(error, 'aborted'));
  });

  it('ends with the signal and leaves nothing behind', async () => {
    await using server = await FakeApiServer.start();
    const { done, stop } = await watching(server);
    stop.abort(new Error('enough'));
    await assert.rejects(done, (error) => isKubeError(error, 'aborted'));
    assert.equal(server.clock.pending, 0);
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });

  it('fails with what its listener throws, and on a line that is not JSON', async () => {
    await using server = await FakeApiServer.start();
    const oops = new TypeError('oops');
    const thrown = await watching(server, () => {
      throw oops;
    });
    thrown.response.write(line('ADDED', configMap('x', 6)));
    await assert.rejects(thrown.done, (error) => isKubeError(error, 'internal') && error.cause === oops);
    const garbled = await watching(server);
    garbled.response.write('{"type": hunter2\n');
    await assert.rejects(garbled.done, (error) => {
      return isKubeError(error, 'internal') && !`${error.stack} ${String(error.cause)}`.includes('hunter2');
    });
  });

  it('does not take a connection away from the calls', async () => {
    await using server = await FakeApiServer.start();
    const { response, done } = await watching(server);
    server.answers = [(answer) => answer.end('ok')];
    const client = server.client({ maxSockets: 1 });
    const call = client.request({ method: 'GET', path: '/livez' });
    assert.equal(await call, 'ok');
    response.end();
    await done;
  });
});
