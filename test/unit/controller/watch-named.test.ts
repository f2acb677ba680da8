import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { secrets } from '../../../src/api/core.ts';
import type { Secret } from '../../../src/api/core.ts';
import { watchSecret } from '../../../src/controller/issuers/secret-watch.ts';
import { Gate, KubeError } from '../../../src/kube/index.ts';
import type { KubeClient, ListQuery } from '../../../src/kube/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const minute = 60_000;
const internal = new KubeError('internal', 'LIST secrets: 500', { status: 500 });

/** A Secret under watch, whose first list answers as the test says. */
function watched(name: string, answer: () => Promise<unknown>) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const queries: ListQuery[] = [];
  const told: string[] = [];
  const resource = {
    type: secrets,
    list: (query: ListQuery) => {
      queries.push(query);
      return answer();
    },
    watch: () => new Promise(() => {}),
  };
  const client = { resource: () => resource } as unknown as KubeClient;
  const view = watchSecret(
    { namespace: 'web', name },
    { changed: () => void told.push('changed'), failed: (message) => void told.push(message) },
    stop.signal,
    { client, clock, random: () => 0, lists: new Gate({ atOnce: 1 }), onError: () => {} },
  );
  return { clock, queries, stop, told, view };
}

describe('a Secret under watch', () => {
  it('is told of as unreadable when a server that answers goes on refusing, and not before', async () => {
    const { clock, stop, told } = watched('ca', () => Promise.reject(internal));
    await clock.advance(0);
    assert.deepEqual(told, []);
    await clock.advance(2 * minute);
    assert.equal(told[0], 'LIST secrets: 500');
    stop.abort();
  });

  it('is told of at once when it may not be read', async () => {
    const { clock, stop, told } = watched('ca', () =>
      Promise.reject(new KubeError('forbidden', 'no right', { status: 403 })),
    );
    await clock.advance(0);
    assert.deepEqual(told, ['no right']);
    stop.abort();
  });

  it('is not told of while there is no server', async () => {
    const { clock, stop, told } = watched('ca', () =>
      Promise.reject(new KubeError('unavailable', 'ECONNREFUSED')),
    );
    await clock.advance(5 * minute);
    assert.deepEqual(told, []);
    stop.abort();
  });

  it('is asked for by exactly its name, whatever somebody has written there', async () => {
    const items: Secret[] = [];
    const answer = (): Promise<unknown> => Promise.resolve({ metadata: { resourceVersion: '1' }, items });
    const { clock, queries, stop, view } = watched(String.raw`a,b=c\d`, answer);
    await clock.advance(0);
    assert.equal(queries[0]?.fieldSelector, String.raw`metadata.name=a\,b\=c\\d`);
    assert.deepEqual([view.synced, view.current()], [true, undefined]);
    stop.abort();
  });
});
