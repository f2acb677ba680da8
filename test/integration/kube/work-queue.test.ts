import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isKubeError, keyTextOf, parseKey, Reflector, WorkQueue } from '../../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { clientOf, configMap, configMaps, deps, eventually, namespaces } from './support/api.ts';

let cluster: ControlPlane;

before(async () => {
  cluster = await startControlPlane({ controllerManager: false });
});
after(() => cluster.stop());

describe('a reflector and a work queue together', () => {
  it('bring every object to where it should be, though the server is killed in between', async () => {
    const client = await clientOf(cluster);
    const maps = client.resource(configMaps);
    await client.resource(namespaces).create({ metadata: { name: 'work' } });
    const reflector = new Reflector({ resource: maps, namespace: 'work' }, deps);
    const failed: unknown[] = [];
    const queue = new WorkQueue(
      { workers: 4, baseDelayMs: 200, maxDelayMs: 2_000 },
      {
        ...deps,
        reconcile: async (key, signal) => {
          const object = reflector.get(parseKey(key));
          if (object?.data === undefined) {
            await maps.patch(parseKey(key), { data: { done: 'yes' } }, { signal, timeoutMs: 500 });
          }
        },
        onError: (_key, error) => failed.push(error),
      },
    );
    reflector.subscribe(({ object }) => queue.add(keyTextOf(object)));
    const stop = new AbortController();
    const running = [reflector.run(stop.signal), queue.run(stop.signal)];

    const names = Array.from({ length: 80 }, (_, n) => `w-${n}`);
    await reflector.whenSynced(AbortSignal.timeout(60_000));
    await Promise.all(names.map((name) => maps.create(configMap('work', name))));
    const done = (): number => [...reflector.list()].filter(({ data }) => data?.['done'] === 'yes').length;
    await cluster.killApiServer();
    queue.add('work/w-0');
    await eventually('the queue meets the loss', () => failed.length > 0 || done() === names.length);
    await cluster.startApiServer();
    await eventually('all are done', () => done() === names.length, 60_000);
    assert.ok(
      failed.every((error) => isKubeError(error, 'unavailable', 'timeout')),
      String(failed),
    );

    stop.abort();
    await Promise.all(running);
    client.close();
  });
});
