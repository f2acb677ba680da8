import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Secret } from '../../../../src/api/core.ts';
import { NamedSecrets } from '../../../../src/controller/issuers/named-secrets.ts';
import type { WatchListener } from '../../../../src/controller/owned-watches.ts';
import { keyText } from '../../../../src/kube/index.ts';
import type { ObjectKey } from '../../../../src/kube/index.ts';

const ca = { namespace: 'web', name: 'ca' };
const other = { namespace: 'web', name: 'other' };

interface Watch {
  synced: boolean;
  secret: Secret | undefined;
  readonly listener: WatchListener<ObjectKey>;
  readonly signal: AbortSignal;
}

function newFixture(): { secrets: NamedSecrets; watches: Map<string, Watch>; told: string[] } {
  const watches = new Map<string, Watch>();
  const told: string[] = [];
  const secrets = new NamedSecrets({
    watch: (key, listener, signal) => {
      const watch: Watch = { synced: false, secret: undefined, listener, signal };
      watches.set(keyText(key), watch);
      return {
        get synced() {
          return watch.synced;
        },
        current: () => watch.secret,
      };
    },
    onChange: (owner) => told.push(owner),
  });
  return { secrets, watches, told };
}

function watchOf(watches: Map<string, Watch>, name: string): Watch {
  const watch = watches.get(name);
  assert.ok(watch, `${name} is under watch`);
  return watch;
}

describe('the Secrets that issuers name', () => {
  it('are loading, then present or absent, and their owners are told', () => {
    const { secrets, watches, told } = newFixture();
    secrets.want('Issuer/web/ca', [ca]);
    assert.deepEqual(secrets.get(ca), { state: 'loading' });
    const watch = watchOf(watches, 'web/ca');
    watch.synced = true;
    watch.listener.changed();
    assert.deepEqual(secrets.get(ca), { state: 'absent' });
    const secret = { metadata: { name: 'ca' } };
    watch.secret = secret;
    watch.listener.changed();
    assert.deepEqual(secrets.get(ca), { state: 'present', secret });
    assert.deepEqual(told, ['Issuer/web/ca', 'Issuer/web/ca']);
  });

  it('share one watch, which ends when nobody names it any more', () => {
    const { secrets, watches, told } = newFixture();
    secrets.want('a', [ca]);
    secrets.want('b', [ca]);
    assert.equal(watches.size, 1);
    const watch = watchOf(watches, 'web/ca');
    watch.listener.changed();
    assert.deepEqual(told, ['a', 'b']);
    secrets.want('a', []);
    assert.equal(watch.signal.aborted, false);
    secrets.want('b', [other]);
    assert.equal(watch.signal.aborted, true);
    assert.equal(secrets.size, 1);
    watch.listener.changed();
    assert.deepEqual(told, ['a', 'b'], 'a watch that has ended tells nobody');
  });

  it('keep their watch while an owner names them again', () => {
    const { secrets, watches } = newFixture();
    secrets.want('a', [ca]);
    const watch = watchOf(watches, 'web/ca');
    secrets.want('a', [ca, other]);
    assert.equal(watch.signal.aborted, false);
    assert.equal(watchOf(watches, 'web/ca'), watch);
  });

  it('may be unavailable, which is told once and passes', () => {
    const { secrets, watches, told } = newFixture();
    secrets.want('a', [ca]);
    const watch = watchOf(watches, 'web/ca');
    watch.listener.failed('forbidden');
    watch.listener.failed('forbidden');
    assert.deepEqual(secrets.get(ca), { state: 'unavailable', message: 'forbidden' });
    assert.deepEqual(told, ['a']);
    watch.synced = true;
    watch.listener.changed();
    assert.deepEqual(secrets.get(ca), { state: 'absent' });
  });

  it('stay as last read when the watch fails later', () => {
    const { secrets, watches } = newFixture();
    secrets.want('a', [ca]);
    const watch = watchOf(watches, 'web/ca');
    Object.assign(watch, { synced: true, secret: { metadata: { name: 'ca' } } });
    watch.listener.failed('forbidden');
    assert.equal(secrets.get(ca).state, 'present');
  });

  it('are all let go at the end', () => {
    const { secrets, watches } = newFixture();
    secrets.want('a', [ca, other]);
    secrets.close();
    assert.equal(secrets.size, 0);
    for (const { signal } of watches.values()) assert.equal(signal.aborted, true);
  });
});
