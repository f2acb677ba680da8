import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { HealthServer } from '../../../src/runtime/health-server.ts';
import { Metrics } from '../../../src/runtime/metrics.ts';
import { eventually } from '../../support/eventually.ts';

describe('HealthServer', () => {
  const servers: HealthServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  const state: { live?: string; ready?: string } = {};
  const errors: unknown[] = [];

  async function start(
    metrics: { contentType: string; text(): Promise<string> } = new Metrics(),
  ): Promise<string> {
    const server = new HealthServer(
      { address: { host: '127.0.0.1', port: 0 } },
      {
        live: () => state.live,
        ready: () => state.ready,
        metrics,
        onError: (error) => errors.push(error),
      },
    );
    servers.push(server);
    const { host, port } = await server.listen();
    return `http://${host}:${port}`;
  }

  it('answers ok while nothing is wrong', async () => {
    const url = await start();
    for (const path of ['/livez', '/readyz', '/readyz?verbose']) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200);
      assert.equal(await response.text(), 'ok\n');
    }
  });

  it('answers 503 and why', async () => {
    const url = await start();
    state.live = 'the event loop stood still for 30 s';
    state.ready = 'the cache is not filled yet';
    const live = await fetch(`${url}/livez`);
    const ready = await fetch(`${url}/readyz`);
    delete state.live;
    delete state.ready;
    assert.equal(live.status, 503);
    assert.equal(await live.text(), 'the event loop stood still for 30 s\n');
    assert.equal(ready.status, 503);
    assert.equal(await ready.text(), 'the cache is not filled yet\n');
  });

  it('serves metrics', async () => {
    const metrics = new Metrics();
    metrics.counter({ name: 'c_total', help: 'C.' }).inc();
    const response = await fetch(`${await start(metrics)}/metrics`);
    assert.match(response.headers.get('content-type') ?? '', /text\/plain; version=0\.0\.4/);
    assert.match(await response.text(), /^c_total 1$/m);
  });

  it('keeps the reason of a failed scrape to itself', async () => {
    const url = await start({ contentType: 'text/plain', text: () => Promise.reject(new Error('inside')) });
    const response = await fetch(`${url}/metrics`);
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /inside/);
    assert.equal(errors.length, 1);
  });

  it('has nothing else', async () => {
    const url = await start();
    assert.equal((await fetch(`${url}/debug`)).status, 404);
    const post = await fetch(`${url}/livez`, { method: 'POST', body: 'x' });
    assert.equal(post.status, 405);
    assert.equal(post.headers.get('allow'), 'GET, HEAD');
    assert.equal((await fetch(`${url}/livez`, { method: 'HEAD' })).status, 200);
  });

  describe('of which somebody takes all connections', () => {
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    /** All addresses of 127.0.0.0/8 are this machine's. */
    async function open(url: string, count: number, localAddress: string, first = ''): Promise<void> {
      const opened = Array.from({ length: count }, () =>
        connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress }),
      );
      for (const socket of opened) {
        socket.on('error', () => {});
        socket.resume();
      }
      sockets.push(...opened);
      await Promise.all(opened.map((socket) => once(socket, 'connect')));
      for (const socket of opened) socket.write(first);
    }

    function probe(url: string): Promise<number | undefined> {
      return new Promise((resolve, reject) => {
        get(`${url}/livez`, { agent: false }, (response) => resolve(response.resume().statusCode)).on(
          'error',
          reject,
        );
      });
    }

    const opened = (): number => sockets.filter(({ closed }) => !closed).length;

    it('answers while nothing comes by them', async () => {
      const url = await start();
      for (const last of [2, 3, 4, 5, 6]) await open(url, 20, `127.0.0.${last}`);
      assert.equal(await probe(url), 200);
      await eventually('some to be closed', () => opened() <= 64 || undefined);
    });

    it('answers while requests came by them', async () => {
      const url = await start();
      const request = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
      for (const last of [2, 3, 4, 5, 6]) await open(url, 20, `127.0.0.${last}`, request);
      assert.equal(await probe(url), 200);
    });

    it('answers while it answers all of them', async () => {
      const url = await start({ contentType: 'text/plain', text: () => new Promise(() => {}) });
      const request = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';
      for (const last of [2, 3, 4, 5]) await open(url, 16, `127.0.0.${last}`, request);
      assert.equal(await probe(url), 200);
      await eventually('one to be closed', () => opened() === 63 || undefined);
    });

    it('gives one address a quarter of them', async () => {
      const url = await start();
      await open(url, 20, '127.0.0.2');
      await eventually('some to be closed', () => opened() <= 16 || undefined);
      assert.equal(await probe(url), 200);
      assert.equal(opened(), 16);
    });

    it('lets go of one that is not used any more', async () => {
      const url = await start();
      await open(url, 1, '127.0.0.2', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
      await eventually('it to be closed', () => opened() === 0 || undefined, 10_000);
    });
  });

  it('says when the port is taken', async () => {
    const url = new URL(await start());
    const second = new HealthServer(
      { address: { host: '127.0.0.1', port: Number(url.port) } },
      { live: () => undefined, ready: () => undefined, metrics: new Metrics() },
    );
    await assert.rejects(second.listen(), /EADDRINUSE/);
    await second.close();
  });

  it('stops answering once closed', async () => {
    const url = await start();
    await fetch(`${url}/livez`);
    await servers[0]?.close();
    await assert.rejects(fetch(`${url}/livez`));
  });
});
