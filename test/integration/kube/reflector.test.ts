import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Change,
  type KubeClient,
  Reflector,
  type ReflectorOptions,
  type Resource,
} from '../../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import {
  clientOf,
  type ConfigMap,
  configMap,
  configMaps,
  deps,
  eventually,
  namespaces,
} from './support/api.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let cluster: ControlPlane;
let client: KubeClient;
let maps: Resource<ConfigMap>;
let proxy: TcpProxy;
/** Reaches the server through the proxy. */
let proxied: KubeClient;

before(async () => {
  cluster = await startControlPlane({ controllerManager: false });
  client = await clientOf(cluster);
  maps = client.resource(configMaps);
  proxy = await TcpProxy.start(cluster.server);
  proxied = await clientOf(cluster, 'admin', proxy.url);
});
after(async () => {
  client.close();
  proxied.close();
  await proxy[Symbol.asyncDispose]();
  await cluster.stop();
});

class View implements AsyncDisposable {
  readonly changes: Change<ConfigMap>[] = [];
  readonly errors: unknown[] = [];
  /** Lists that the server answered. */
  lists = 0;
  readonly reflector: Reflector<ConfigMap>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: Partial<ReflectorOptions<ConfigMap>> & { namespace: string }) {
    const resource = proxied.resource(configMaps);
    const counted = {
      type: resource.type,
      watch: resource.watch.bind(resource),
      list: async (...args: Parameters<typeof resource.list>) => {
        const page = await resource.list(...args);
        this.lists += 1;
        return page;
      },
    };
    this.reflector = new Reflector(
      { resource: counted, ...options },
      { ...deps, onError: (error) => this.errors.push(error) },
    );
    this.reflector.subscribe((change) => this.changes.push(change));
    this.#running = this.reflector.run(this.#stop.signal);
  }

  get names(): string[] {
    return [...this.reflector.list()].map(({ metadata }) => metadata.name ?? '').toSorted();
  }

  get log(): string[] {
    return this.changes.map(({ type, object }) => `${type} ${object.metadata.name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

async function inNamespace(name: string, objects: readonly string[]): Promise<string> {
  await client.resource(namespaces).create({ metadata: { name } });
  await Promise.all(objects.map((object) => maps.create(configMap(name, object))));
  return name;
}

const limit = (): AbortSignal => AbortSignal.timeout(60_000);

describe('a reflector on a real API server', () => {
  it('reads many pages as one snapshot', async () => {
    const names = Array.from({ length: 250 }, (_, n) => `many-${n}`);
    const namespace = await inNamespace('many', names);
    await using view = new View({ namespace, pageSize: 40 });
    await view.reflector.whenSynced(limit());
    assert.deepEqual(view.names, names.toSorted());
    assert.equal(view.lists, 7);
  });

  it('sees only what its selectors choose, and leaving that as a deletion', async () => {
    const namespace = await inNamespace('chosen', ['plain']);
    const created = await maps.create(configMap(namespace, 'mine', { owner: 'me' }));
    await maps.create(configMap(namespace, 'other', { owner: 'you' }));
    await using labelled = new View({ namespace, labelSelector: 'owner=me' });
    await using named = new View({ namespace, fieldSelector: 'metadata.name=other' });
    await Promise.all([labelled.reflector.whenSynced(limit()), named.reflector.whenSynced(limit())]);
    assert.deepEqual(labelled.names, ['mine']);
    assert.deepEqual(named.names, ['other']);
    await maps.replace({ ...created, metadata: { ...created.metadata, labels: { owner: 'you' } } });
    await labelled.reflector.waitFor({ namespace, name: 'mine' }, (object) => object === undefined, limit());
    assert.deepEqual(labelled.log, ['added mine', 'deleted mine']);
  });

  it('brings changes within milliseconds, to all who wait for many objects', async () => {
    const namespace = await inNamespace('fast', []);
    await using view = new View({ namespace });
    await view.reflector.whenSynced(limit());
    const waits = Array.from({ length: 100 }, async (_, n) => {
      const name = `fast-${n}`;
      const done = view.reflector.waitFor(
        { namespace, name },
        (object) => object?.data !== undefined,
        limit(),
      );
      const created = await maps.create(configMap(namespace, name));
      await maps.replace({ ...created, data: { n: String(n) } });
      return (await done)?.data?.['n'];
    });
    assert.deepEqual(
      await Promise.all(waits),
      Array.from({ length: 100 }, (_, n) => String(n)),
    );
  });
});

describe('a reflector whose connection breaks', () => {
  it('keeps what it had, goes on where it was, and misses nothing', async () => {
    const namespace = await inNamespace('broken', ['kept', 'removed']);
    await using view = new View({ namespace });
    await view.reflector.whenSynced(limit());
    await eventually('the watch is open', () => view.reflector.connected);
    proxy.cut();
    await eventually('the loss is noticed', () => !view.reflector.connected);
    await maps.create(configMap(namespace, 'new'));
    await maps.delete({ namespace, name: 'removed' });
    assert.deepEqual(view.names, ['kept', 'removed']);
    proxy.mend();
    await view.reflector.waitFor({ namespace, name: 'removed' }, (object) => object === undefined, limit());
    assert.deepEqual(view.names, ['kept', 'new']);
    assert.deepEqual(view.log.slice(2), ['added new', 'deleted removed']);
    assert.equal(view.lists, 1);
  });

  it('notices a connection on which nothing comes any more', async () => {
    const namespace = await inNamespace('silent', []);
    await using view = new View({ namespace, inactivityMs: 1_000 });
    await view.reflector.whenSynced(limit());
    await eventually('the watch is open', () => view.reflector.connected);
    proxy.swallow();
    await maps.create(configMap(namespace, 'unheard'));
    await eventually('the silence is noticed', () =>
      view.errors.some((error) => /nothing was heard/.test(String(error))),
    );
    assert.equal(view.reflector.size, 0);
    proxy.mend();
    await view.reflector.waitFor({ namespace, name: 'unheard' }, (object) => object !== undefined, limit());
    assert.equal(view.lists, 1);
  });
});

describe('a reflector whose server is killed and started again', () => {
  it('tells of what changed meanwhile, deletions included, though the server cannot go on from its version', async () => {
    const namespace = await inNamespace('expired', ['kept', 'removed', 'changed', 'remade']);
    await using view = new View({ namespace });
    await view.reflector.whenSynced(limit());
    proxy.cut();
    await eventually('the loss is noticed', () => !view.reflector.connected);
    await maps.delete({ namespace, name: 'removed' });
    await maps.patch({ namespace, name: 'changed' }, { data: { a: 'b' } });
    await maps.delete({ namespace, name: 'remade' });
    await maps.create(configMap(namespace, 'remade'));
    await maps.create(configMap(namespace, 'new'));
    // A new server's cache of events begins at its start.
    await cluster.killApiServer();
    await cluster.startApiServer();
    view.changes.length = 0;
    proxy.mend();
    await view.reflector.waitFor({ namespace, name: 'new' }, (object) => object !== undefined, limit());
    assert.equal(view.lists, 2);
    assert.deepEqual(view.log.toSorted(), [
      'added new',
      'added remade',
      'deleted remade',
      'deleted removed',
      'modified changed',
    ]);
    assert.deepEqual(view.names, ['changed', 'kept', 'new', 'remade']);
  });

  it('stays readable all the time, and lets a wait go on', async () => {
    const namespace = await inNamespace('restarted', ['x']);
    await using view = new View({ namespace });
    await view.reflector.whenSynced(limit());
    const waiting = view.reflector.waitFor(
      { namespace, name: 'x' },
      (object) => object?.data !== undefined,
      limit(),
    );
    await cluster.killApiServer();
    await eventually('the loss is noticed', () => !view.reflector.connected);
    assert.equal(view.reflector.get({ namespace, name: 'x' })?.metadata.name, 'x');
    assert.equal(view.reflector.synced, true);
    await cluster.startApiServer();
    await maps.patch({ namespace, name: 'x' }, { data: { a: 'b' } });
    assert.equal((await waiting)?.data?.['a'], 'b');
    assert.equal(view.reflector.connected, true);
  });

  it('may start while it is away', async () => {
    await cluster.killApiServer();
    await using view = new View({ namespace: 'restarted' });
    await eventually('it has tried', () => view.errors.length > 0);
    assert.equal(view.reflector.synced, false);
    await cluster.startApiServer();
    await view.reflector.whenSynced(limit());
    assert.deepEqual(view.names, ['x']);
  });
});
