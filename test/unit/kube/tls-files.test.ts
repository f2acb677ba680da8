import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  type Connection,
  inClusterConnection,
  KubeClient,
  kubeconfigConnection,
  systemClock,
} from '../../../src/kube/index.ts';
import type { Authority } from '../../../src/pki/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeRoot } from '../pki/support/builders.ts';
import { failureOf } from './fakes/api-server.ts';
import { pairOf, TlsApiServer, validNow } from './fakes/tls-api-server.ts';

let directory: string;
let first: Authority;
let second: Authority;
const file = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certmount-kube-'));
  await writeFile(file('token'), 'token');
  first = await makeRoot('first', validNow());
  second = await makeRoot('second', validNow());
});
beforeEach(() => writeFile(file('ca.crt'), first.certificate.pem));
after(() => rm(directory, { recursive: true }));

/** By the real clock, for calls that go again because the server has closed the connection. */
function clientOf(connection: Connection) {
  const client = new KubeClient({ connection, userAgent: 'test' }, { clock: systemClock, random: () => 0 });
  return {
    get: () => client.request<{ user?: string }>({ method: 'GET', path: '/thing' }),
    create: () => client.request({ method: 'POST', path: '/things', body: {} }),
    [Symbol.dispose]: () => client.close(),
  };
}

describe('authorities of the API server that are replaced', () => {
  async function pod(server: TlsApiServer, clock: FakeClock) {
    const environment = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(server.port),
    };
    return clientOf(await inClusterConnection({ environment, directory }, { clock }));
  }

  it('are trusted by the call that meets them, a create too', async () => {
    await using server = await TlsApiServer.start(first);
    using client = await pod(server, new FakeClock());
    await writeFile(file('ca.crt'), first.certificate.pem + second.certificate.pem);
    await server.identify(second);
    await Promise.all([client.create(), client.get(), client.create()]);
  });

  it('are not trusted before the file has them, and then at once', async () => {
    await using server = await TlsApiServer.start(second);
    using client = await pod(server, new FakeClock());
    assert.match(String(await failureOf(client.get())), /unable to verify/);
    await writeFile(file('ca.crt'), second.certificate.pem);
    await client.get();
  });

  it('are those of new connections after a minute', async () => {
    await using server = await TlsApiServer.start(first);
    const clock = new FakeClock();
    using client = await pod(server, clock);
    await client.get();
    await writeFile(file('ca.crt'), first.certificate.pem + second.certificate.pem);
    await clock.advance(59_999);
    await client.get();
    assert.equal(server.connections, 1);
    await clock.advance(1);
    await client.get();
    await client.get();
    assert.equal(server.connections, 2);
    await clock.advance(60_000);
    await client.get();
    assert.equal(server.connections, 2, 'the same as before');
  });

  it('are not replaced by a file that holds none', async () => {
    await using server = await TlsApiServer.start(first);
    const clock = new FakeClock();
    using client = await pod(server, clock);
    for (const text of ['', 'oops', first.certificate.pem.slice(0, 300)]) {
      await writeFile(file('ca.crt'), text);
      await server.identify(first);
      await clock.advance(60_000);
      await client.get();
    }
    await rm(file('ca.crt'));
    await server.identify(first);
    await clock.advance(60_000);
    await client.get();
  });
});

describe('the files of a kubeconfig that are replaced', () => {
  async function kubeconfig(server: TlsApiServer): Promise<string> {
    const cluster = { server: `https://127.0.0.1:${server.port}`, 'certificate-authority': 'ca.crt' };
    const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' };
    const config = {
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    // JSON is YAML.
    await writeFile(file('config'), JSON.stringify(config));
    return file('config');
  }

  async function writePair(name: string): Promise<void> {
    const { cert, key } = await pairOf(first, name);
    await writeFile(file('client.crt'), cert);
    await writeFile(file('client.key'), key);
  }

  it('are read again when there is no trust in the server', async () => {
    await using server = await TlsApiServer.start(first);
    await writePair('jane');
    const clock = new FakeClock();
    using client = clientOf(await kubeconfigConnection(await kubeconfig(server), undefined, { clock }));
    await client.get();
    await writeFile(file('ca.crt'), second.certificate.pem);
    await server.identify(second);
    assert.equal((await client.get()).user, 'jane');
  });

  it('are read again when the server refuses the client certificate', async () => {
    await using server = await TlsApiServer.start(first);
    await writePair('jane');
    const clock = new FakeClock();
    using client = clientOf(await kubeconfigConnection(await kubeconfig(server), undefined, { clock }));
    assert.equal((await client.get()).user, 'jane');
    server.refused.add('jane');
    await writeFile(file('client.key'), (await pairOf(first, 'half')).key);
    assert.match(String(await failureOf(client.get())), /401/, 'a key without its certificate is not taken');
    await writePair('joan');
    assert.equal((await client.get()).user, 'joan');
  });
});
