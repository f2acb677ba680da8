import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { KubeError, Reflector, type ReflectorOptions } from '../../../src/kube/index.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import type { ConfigMap } from './fakes/config-maps.ts';
import { FakeResource, gone } from './fakes/fake-resource.ts';

interface World {
  readonly clock: FakeClock;
  readonly resource: FakeResource;
  readonly reflector: Reflector<ConfigMap>;
  /** As 'added x', in order. */
  readonly changes: string[];
  readonly errors: unknown[];
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

async function start(
  options: Partial<ReflectorOptions<ConfigMap>> = {},
  prepare: (resource: FakeResource) => void = () => {},
): Promise<World> {
  const clock = new FakeClock();
  const resource = new FakeResource();
  prepare(resource);
  const errors: unknown[] = [];
  const reflector = new Reflector(
    { resource, ...options },
    { clock, random: () => 0, onError: (error) => errors.push(error) },
  );
  const changes: string[] = [];
  reflector.subscribe((change) => changes.push(`${change.type} ${change.object.metadata.name}`));
  const stop = new AbortController();
  const running = reflector.run(stop.signal);
  await settle();
  return { clock, resource, reflector, changes, errors, stop, running };
}

function names(reflector: Reflector<ConfigMap>): string[] {
  return [...reflector.list()].map(({ metadata }) => metadata.name ?? '');
}

const x = { namespace: 'web', name: 'x' };

describe('the first list', () => {
  it('fills the store and makes it synced', async () => {
    const { reflector, changes } = await start({}, (resource) => {
      resource.set('x');
      resource.set('y');
    });
    assert.equal(reflector.synced, true);
    assert.equal(reflector.size, 2);
    assert.equal(reflector.get(x)?.metadata.uid, 'uid-x');
    assert.deepEqual(changes, ['added x', 'added y']);
  });

  it('is read by pages, and seen only when it is whole', async () => {
    const { reflector, resource } = await start({ pageSize: 2 }, (fake) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        fake.set(name);
      }
    });
    assert.deepEqual(
      resource.lists.map((query) => [query.limit, query.continue]),
      [
        [2, undefined],
        [2, '2'],
        [2, '4'],
      ],
    );
    assert.deepEqual(names(reflector), ['a', 'b', 'c', 'd', 'e']);
  });

  it('is read again at once and whole when a page has expired', async () => {
    const { reflector, resource } = await start({ pageSize: 2 }, (fake) => {
      for (const name of ['a', 'b', 'c']) {
        fake.set(name);
      }
      const { list } = fake;
      fake.list = (query) => {
        if (query?.continue !== undefined) {
          fake.lists.push(query);
          return Promise.reject(gone());
        }
        return list.call(fake, query);
      };
    });
    assert.deepEqual(
      resource.lists.map((query) => query.limit),
      [2, 2, undefined],
    );
    assert.deepEqual(names(reflector), ['a', 'b', 'c']);
  });

  it('is tried until it succeeds, later each time', async () => {
    const { clock, reflector, resource, errors } = await start({}, (fake) => {
      fake.away = true;
    });
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      waits.push(clock.nextInMs ?? 0);
      await clock.advance(clock.nextInMs ?? 0);
    }
    assert.deepEqual(waits, [800, 1600, 3200, 6400, 12800, 15000, 15000, 15000]);
    assert.equal(errors.length, 9);
    assert.equal(reflector.synced, false);
    resource.away = false;
    const synced = reflector.whenSynced();
    await clock.advance(30_000);
    await synced;
    assert.equal(reflector.connected, true);
  });

  it('waits as long as the server asks', async () => {
    const { clock } = await start({}, (fake) => {
      fake.failures.push(
        new KubeError('too-many-requests', 'slow down', { status: 429, retryAfterMs: 7_000 }),
      );
    });
    assert.equal(clock.nextInMs, 7_000);
  });

  it('does not wait for hours because it is asked to', async () => {
    const { clock } = await start({}, (fake) => {
      fake.failures.push(new KubeError('unavailable', 'later', { status: 503, retryAfterMs: 86_400_000 }));
    });
    assert.equal(clock.nextInMs, 60_000);
  });

  it('takes the selectors, and so does the watch', async () => {
    const selection = { namespace: 'web', labelSelector: 'a=b', fieldSelector: 'metadata.name=x' };
    const { resource } = await start(selection);
    const [list] = resource.lists;
    const [watch] = resource.watches;
    for (const query of [list, watch]) {
      assert.equal(query?.namespace, 'web');
      assert.equal(query.labelSelector, 'a=b');
      assert.equal(query.fieldSelector, 'metadata.name=x');
    }
    assert.equal(watch?.allowWatchBookmarks, true);
    assert.equal(watch.timeoutSeconds, 300);
  });
});

describe('the watch', () => {
  it('brings each change, in order, after the store has it', async () => {
    const { reflector, resource, changes } = await start();
    const seen: (string | undefined)[] = [];
    reflector.subscribe(() => seen.push(reflector.get(x)?.metadata.resourceVersion));
    resource.set('x');
    resource.set('x');
    resource.remove('x');
    assert.deepEqual(changes, ['added x', 'modified x', 'deleted x']);
    assert.deepEqual(seen, ['101', '102', undefined]);
    assert.equal(reflector.size, 0);
  });

  it('tells what a modified object was before', async () => {
    const { reflector, resource } = await start();
    resource.set('x');
    let versions: unknown;
    reflector.subscribe((change) => {
      if (change.type === 'modified') {
        versions = [change.previous.metadata.resourceVersion, change.object.metadata.resourceVersion];
      }
    });
    resource.set('x');
    assert.deepEqual(versions, ['101', '102']);
  });

  it('goes on from the last version heard of, bookmarks included, when the server ends it', async () => {
    const { clock, resource, errors } = await start();
    resource.set('x');
    resource.cut();
    await settle();
    assert.equal(resource.watches.at(-1)?.resourceVersion, '101');
    resource.bookmark();
    await clock.advance(400_000);
    resource.cut();
    await settle();
    assert.equal(resource.watches.at(-1)?.resourceVersion, '102');
    assert.equal(resource.lists.length, 1);
    assert.deepEqual(errors, []);
  });

  it('ends at once again and again without the loop spinning', async () => {
    const { clock, resource, errors } = await start();
    resource.cut();
    await settle();
    assert.equal(resource.watches.length, 1);
    assert.equal(clock.nextInMs, 800);
    assert.match(String(errors[0]), /ended at once/);
    await clock.advance(800);
    resource.cut();
    await settle();
    assert.equal(clock.nextInMs, 1600);
  });

  it('starts over with short waits once it has heard something', async () => {
    const { clock, resource } = await start();
    const broken = new KubeError('unavailable', 'broken');
    resource.cut(broken);
    await clock.advance(800);
    resource.cut(broken);
    await clock.advance(1600);
    resource.set('x');
    resource.cut(broken);
    await settle();
    assert.equal(clock.nextInMs, 800);
  });

  it('misses nothing while the connection is down', async () => {
    const { clock, reflector, resource, changes } = await start({}, (fake) => {
      fake.set('x');
    });
    resource.cut(new KubeError('unavailable', 'broken'));
    await settle();
    assert.equal(reflector.connected, false);
    assert.equal(reflector.get(x)?.metadata.name, 'x');
    resource.set('y');
    resource.remove('x');
    await clock.advance(800);
    assert.deepEqual(changes, ['added x', 'added y', 'deleted x']);
    assert.equal(reflector.connected, true);
    assert.equal(resource.lists.length, 1);
  });
});

describe('a version that is too old', () => {
  it('is met by a new list at once, whose differences are told as changes', async () => {
    const { reflector, resource, changes, errors } = await start({}, (fake) => {
      fake.set('kept');
      fake.set('changed');
      fake.set('removed');
      fake.set('replaced', 'uid-1');
    });
    changes.length = 0;
    resource.cut(gone());
    resource.set('changed');
    resource.remove('removed');
    resource.remove('replaced');
    resource.set('replaced', 'uid-2');
    resource.set('new');
    resource.compact();
    await settle();
    assert.deepEqual(changes, [
      'deleted removed',
      'modified changed',
      'deleted replaced',
      'added replaced',
      'added new',
    ]);
    assert.deepEqual(names(reflector).toSorted(), ['changed', 'kept', 'new', 'replaced']);
    assert.equal(resource.lists.length, 2);
    assert.deepEqual(errors, []);
    assert.equal(resource.open, 1);
  });

  it('is met by a new list also when it comes as the answer to the watch', async () => {
    const { clock, resource, changes } = await start({}, (fake) => {
      fake.set('x');
    });
    resource.cut(new KubeError('unavailable', 'broken'));
    resource.remove('x');
    resource.compact();
    await clock.advance(800);
    assert.deepEqual(changes, ['added x', 'deleted x']);
    assert.equal(resource.lists.length, 2);
  });

  it('over and over does not make the loop spin', async () => {
    const { clock, resource } = await start();
    resource.cut(gone());
    await settle();
    resource.cut(gone());
    await settle();
    assert.equal(resource.lists.length, 2);
    assert.equal(clock.nextInMs, 1600);
  });

  it('is no matter of the store, which keeps what it had while the list fails', async () => {
    const { reflector, resource } = await start({}, (fake) => {
      fake.set('x');
    });
    resource.away = true;
    resource.cut(gone());
    await settle();
    assert.equal(reflector.size, 1);
    assert.equal(reflector.synced, true);
  });

  it('is what a version from the future is taken for, as after a restore of etcd', async () => {
    const { clock, resource } = await start();
    resource.failures.push(new KubeError('timeout', 'Too large resource version', { status: 504 }));
    resource.bookmark();
    resource.cut();
    await settle();
    await clock.advance(800);
    assert.equal(resource.lists.length, 2);
  });
});

describe('listeners', () => {
  it('that throw are reported and harm nobody', async () => {
    const { reflector, resource, changes, errors } = await start();
    reflector.subscribe(() => {
      throw new Error('oops');
    });
    const after: string[] = [];
    reflector.subscribe((change) => after.push(change.type));
    resource.set('x');
    resource.set('x');
    assert.deepEqual(changes, ['added x', 'modified x']);
    assert.deepEqual(after, ['added', 'modified']);
    assert.deepEqual(errors.map(String), ['Error: oops', 'Error: oops']);
    assert.equal(resource.watches.length, 1);
  });

  it('hear nothing more after they have left', async () => {
    const { reflector, resource } = await start();
    let heard = 0;
    const leave = reflector.subscribe(() => (heard += 1));
    resource.set('x');
    leave();
    leave();
    resource.set('x');
    assert.equal(heard, 1);
  });
});

describe('waiting for an object', () => {
  const never = new AbortController().signal;

  it('ends with the first state that is accepted', async () => {
    const { reflector, resource } = await start();
    const waiting = reflector.waitFor(x, (object) => object?.metadata.resourceVersion === '103', never);
    resource.set('x');
    resource.set('y');
    const last = resource.set('x');
    assert.equal(await waiting, last);
    assert.equal(getEventListeners(never, 'abort').length, 0);
  });

  it('ends at once when the present state will do', async () => {
    const { reflector } = await start({}, (fake) => {
      fake.set('x');
    });
    assert.equal((await reflector.waitFor(x, (object) => object !== undefined, never))?.metadata.name, 'x');
  });

  it('ends when the object is deleted, for one who accepts that', async () => {
    const { reflector, resource } = await start({}, (fake) => {
      fake.set('x');
    });
    const waiting = reflector.waitFor(x, (object) => object === undefined, never);
    resource.remove('x');
    assert.equal(await waiting, undefined);
  });

  it('asks about absence only once synced', async () => {
    const { clock, reflector, resource } = await start({}, (fake) => {
      fake.away = true;
    });
    const asked: unknown[] = [];
    const waiting = reflector.waitFor(x, (object) => asked.push(object) > 0, never);
    await settle();
    assert.deepEqual(asked, []);
    resource.away = false;
    await clock.advance(1_000);
    assert.equal(await waiting, undefined);
    assert.deepEqual(asked, [undefined]);
  });

  it('ends with the reason of the signal', async () => {
    const { reflector, resource } = await start();
    const controller = new AbortController();
    const reason = new Error('deadline');
    const waiting = assert.rejects(
      reflector.waitFor(x, () => false, controller.signal),
      reason,
    );
    resource.set('x');
    controller.abort(reason);
    await waiting;
    await assert.rejects(
      reflector.waitFor(x, () => true, controller.signal),
      reason,
    );
  });

  it('ends with what the condition throws, and that harms nobody else', async () => {
    const { reflector, resource, changes } = await start();
    const waiting = reflector.waitFor(
      x,
      (object) => {
        if (object !== undefined) {
          throw new Error('unreadable');
        }
        return false;
      },
      never,
    );
    const other = reflector.waitFor(x, (object) => object !== undefined, never);
    resource.set('x');
    await assert.rejects(waiting, /unreadable/);
    assert.equal((await other)?.metadata.name, 'x');
    assert.deepEqual(changes, ['added x']);
  });

  it('survives a time without the server', async () => {
    const { clock, reflector, resource } = await start();
    const waiting = reflector.waitFor(x, (object) => object !== undefined, never);
    resource.cut(gone());
    resource.set('x');
    resource.compact();
    await clock.advance(1_000);
    assert.equal((await waiting)?.metadata.name, 'x');
  });
});

describe('keeping less in memory', () => {
  it('applies to lists and to events', async () => {
    const transform = ({ metadata: { namespace, name, resourceVersion } }: ConfigMap): ConfigMap => ({
      metadata: {
        ...(namespace && { namespace }),
        ...(name && { name }),
        ...(resourceVersion && { resourceVersion }),
      },
    });
    const { reflector, resource } = await start({ transform }, (fake) => {
      fake.set('x');
    });
    resource.set('y');
    for (const object of reflector.list()) {
      assert.deepEqual(Object.keys(object.metadata), ['namespace', 'name', 'resourceVersion']);
    }
    assert.equal(reflector.size, 2);
  });
});

describe('the end of a reflector', () => {
  it('comes with the signal, in a watch and in a wait, and leaves nothing', async () => {
    for (const away of [false, true]) {
      const { clock, resource, reflector, stop, running } = await start({}, (fake) => {
        fake.away = away;
      });
      stop.abort();
      await running;
      assert.equal(clock.pending, 0);
      assert.equal(resource.open, 0);
      assert.equal(reflector.connected, false);
      assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
    }
  });

  it('is not reported as a failure', async () => {
    const { stop, running, errors } = await start();
    stop.abort();
    await running;
    assert.deepEqual(errors, []);
  });
});
