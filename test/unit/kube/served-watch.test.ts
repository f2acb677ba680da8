import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { ServedWatch } from '../../../src/kube/index.ts';
import type { KubeObject, ResourceType } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeApiServer } from './fakes/api-server.ts';

function widgets(version: string): ResourceType<KubeObject> {
  return { group: 'example.com', version, kind: 'Widget', plural: 'widgets', namespaced: false };
}

/** A cluster that serves widgets in these versions, one of them in each, and keeps watches open. */
async function start(
  t: TestContext,
  served: Set<string>,
  options: { forbidden?: boolean; unlisted?: boolean } = {},
): Promise<{ api: FakeApiServer; watch: ServedWatch<KubeObject>; seen: string[]; endWatches: () => void }> {
  const open = new Set<ServerResponse>();
  const api = await FakeApiServer.start((response, { url }) => {
    const [, version = '', resource = ''] = /^\/apis\/example\.com\/([^/?]+)(?:\/(widgets))?/.exec(url) ?? [];
    const json = (status: number, body: object): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    if (!served.has(version)) json(404, { kind: 'Status', reason: 'NotFound', code: 404 });
    else if (resource === '') json(200, { resources: [{ name: 'widgets' }] });
    else if (options.unlisted) json(404, { kind: 'Status', reason: 'NotFound', code: 404 });
    else if (options.forbidden) json(403, { kind: 'Status', reason: 'Forbidden', code: 403 });
    else if (url.includes('watch=true')) {
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
      open.add(response);
    } else {
      const items = [{ metadata: { name: version, uid: version, resourceVersion: '1' } }];
      json(200, { metadata: { resourceVersion: '1' }, items });
    }
  });
  const watch = new ServedWatch<KubeObject>(
    { types: [widgets('v1beta1'), widgets('v1')] },
    { client: api.client(), clock: api.clock, random: () => 0 },
  );
  const seen: string[] = [];
  watch.subscribe(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
  const stop = new AbortController();
  const ended = watch.run(stop.signal);
  t.after(async () => {
    stop.abort();
    for (const response of open) response.destroy();
    await ended;
    await api[Symbol.asyncDispose]();
  });
  const endWatches = (): void => {
    for (const response of open) response.end();
    open.clear();
  };
  return { api, watch, seen, endWatches };
}

describe('a view of a resource that a cluster may not serve', () => {
  it('is of the first version that is served', async (t) => {
    const { watch, seen } = await start(t, new Set(['v1', 'v1beta1']));
    await eventually('the list', () => watch.synced || undefined);
    assert.deepEqual([watch.type?.version, seen], ['v1beta1', ['added v1beta1']]);
    assert.ok(watch.get({ name: 'v1beta1' }));
  });

  it('is empty and complete where none is, and looks again only after ten minutes', async (t) => {
    const served = new Set<string>();
    const { api, watch } = await start(t, served);
    await eventually('both versions to be asked for', () => watch.synced || undefined);
    assert.deepEqual([watch.type, [...watch.list()]], [undefined, []]);
    const asked = api.received.length;
    assert.equal(asked, 2);
    await api.clock.advance(599_000);
    assert.equal(api.received.length, asked);
    served.add('v1');
    await api.clock.advance(1000);
    await eventually('the list', () => watch.type?.version === 'v1' || undefined);
  });

  it('keeps nobody waiting for what we may not see', async (t) => {
    const { watch } = await start(t, new Set(['v1beta1']), { forbidden: true });
    await eventually('the refusal', () => watch.synced || undefined);
    assert.deepEqual([...watch.list()], []);
  });

  it('moves to another version when its own is no longer served', async (t) => {
    const served = new Set(['v1beta1', 'v1']);
    const { api, watch, seen, endWatches } = await start(t, served);
    await eventually('the list', () => watch.synced || undefined);
    served.delete('v1beta1');
    await eventually('the watch of the other version', async () => {
      endWatches();
      await api.clock.advance(2000);
      return watch.type?.version === 'v1' && watch.synced ? true : undefined;
    });
    assert.deepEqual(seen, ['added v1beta1', 'deleted v1beta1', 'added v1']);
  });

  it('does not turn in circles when discovery names what cannot be listed', async (t) => {
    const options = { unlisted: true };
    const { api, watch } = await start(t, new Set(['v1beta1']), options);
    await eventually('the list to be refused', () => (api.received.length >= 2 ? true : undefined));
    for (let n = 0; n < 50; n++) await api.clock.advance(1);
    assert.equal(api.received.length, 2);
    options.unlisted = false;
    await eventually('the list', async () => {
      await api.clock.advance(1000);
      return watch.synced || undefined;
    });
  });

  it('is not complete again before another version is listed, though it was refused once', async (t) => {
    const served = new Set(['v1beta1', 'v1']);
    const options = { forbidden: true };
    const { api, watch, seen, endWatches } = await start(t, served, options);
    await eventually('the refusal', () => watch.synced || undefined);
    options.forbidden = false;
    await eventually('the list', async () => {
      await api.clock.advance(2000);
      return seen.length > 0 || undefined;
    });
    const syncedAtFirstChange: boolean[] = [];
    watch.subscribe(() => syncedAtFirstChange.push(watch.synced));
    served.delete('v1beta1');
    await eventually('the list of the other version', async () => {
      endWatches();
      await api.clock.advance(2000);
      return seen.length > 1 || undefined;
    });
    assert.deepEqual(syncedAtFirstChange, [false]);
  });
});
