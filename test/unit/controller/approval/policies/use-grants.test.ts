import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { PolicyRule, Role, RoleBinding } from '../../../../../src/api/rbac.ts';
import { UseGrants } from '../../../../../src/controller/approval/policies/use-grants.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { WatchedApi, watchedMetadata } from '../support/watched-api.ts';

const all = ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'];
const use: PolicyRule = { verbs: ['use'], apiGroups: ['policy.cert-manager.io'] };
const read: PolicyRule = { verbs: ['get'], apiGroups: ['policy.cert-manager.io'] };

class Fixture extends WatchedApi {
  readonly clock = new FakeClock();
  /** Namespaces; "*" for all. */
  readonly told: string[] = [];
  readonly errors: string[] = [];
  readonly grants = new UseGrants({
    client: this.client,
    clock: this.clock,
    random: () => 0.5,
    onError: (resource) => void this.errors.push(resource),
    onChange: (namespace) => void this.told.push(namespace ?? '*'),
  });

  run(t: TestContext): this {
    const stop = new AbortController();
    const ended = this.grants.run(stop.signal);
    t.after(() => {
      stop.abort();
      return ended;
    });
    return this;
  }

  /** With all that there is known, and told of. */
  async known(t: TestContext): Promise<this> {
    this.run(t).grants.want();
    await this.tells();
    return this;
  }

  /** What is told of as long as nothing more comes. */
  async tells(): Promise<readonly string[]> {
    await this.clock.advance(2_100);
    return this.told.splice(0);
  }
}

function role(name: string, rules: Role['rules'], namespace?: string): Role {
  return { metadata: watchedMetadata(name, namespace), ...(rules !== undefined && { rules }) };
}

function binding(name: string, kind: 'Role' | 'ClusterRole', to: string, namespace?: string): RoleBinding {
  return { metadata: watchedMetadata(name, namespace), roleRef: { kind, name: to } };
}

describe('roles to use policies and their bindings', () => {
  it('are read when there is a policy that has to be bound, and not before', async (t) => {
    const fixture = new Fixture().run(t);
    assert.deepEqual([await fixture.tells(), fixture.lists], [[], []]);
    fixture.grants.want();
    assert.deepEqual(await fixture.tells(), ['*']);
    assert.deepEqual(fixture.lists.toSorted(), all.toSorted());
  });

  it('are told of by their namespace, whichever of the two comes last', async (t) => {
    const fixture = await new Fixture().known(t);
    fixture.tell('roles', 'ADDED', role('may', [use], 'web'));
    assert.deepEqual(await fixture.tells(), ['web']);
    fixture.tell('rolebindings', 'ADDED', binding('b', 'Role', 'may', 'web'));
    assert.deepEqual(await fixture.tells(), ['web']);
    fixture.tell('clusterroles', 'ADDED', role('may', [read, use]));
    assert.deepEqual(await fixture.tells(), ['*']);
    fixture.tell('rolebindings', 'ADDED', binding('c', 'ClusterRole', 'may', 'shop'));
    assert.deepEqual(await fixture.tells(), ['shop']);
    fixture.tell('clusterrolebindings', 'ADDED', binding('d', 'ClusterRole', 'may'));
    assert.deepEqual(await fixture.tells(), ['*']);
  });

  it('are told of once for all that comes together', async (t) => {
    const fixture = await new Fixture().known(t);
    fixture.tell('roles', 'ADDED', role('may', [use], 'web'));
    fixture.tell('rolebindings', 'ADDED', binding('b', 'Role', 'may', 'web'));
    fixture.tell('roles', 'ADDED', role('may', [use], 'shop'));
    assert.deepEqual(await fixture.tells(), ['web', 'shop']);
    fixture.tell('roles', 'ADDED', role('more', [use], 'web'));
    fixture.tell('clusterroles', 'ADDED', role('may', [use]));
    assert.deepEqual(await fixture.tells(), ['*']);
  });

  it('are told of no sooner than the API server knows of the last of them, but not for ever later', async (t) => {
    const fixture = await new Fixture().known(t);
    const change = (): void => fixture.tell('roles', 'MODIFIED', role('may', [use], 'web'));
    change();
    await fixture.clock.advance(900);
    change();
    await fixture.clock.advance(900);
    assert.deepEqual(fixture.told, []);
    assert.deepEqual(await fixture.tells(), ['web']);
    for (let times = 0; times < 7; times += 1) {
      change();
      await fixture.clock.advance(800);
    }
    assert.deepEqual(fixture.told, ['web']);
  });

  it('are told of when they change, and when they go', async (t) => {
    const fixture = await new Fixture().known(t);
    fixture.tell('roles', 'ADDED', role('may', [read], 'web'));
    assert.deepEqual(await fixture.tells(), []);
    fixture.tell('roles', 'MODIFIED', role('may', [use], 'web'));
    assert.deepEqual(await fixture.tells(), ['web']);
    const bound = binding('b', 'Role', 'may', 'web');
    fixture.tell('rolebindings', 'ADDED', bound);
    assert.deepEqual(await fixture.tells(), ['web']);
    fixture.tell('rolebindings', 'DELETED', bound);
    assert.deepEqual(await fixture.tells(), ['web']);
    fixture.tell('roles', 'MODIFIED', role('may', null, 'web'));
    assert.deepEqual(await fixture.tells(), ['web']);
    fixture.tell('roles', 'MODIFIED', role('may', [], 'web'));
    assert.deepEqual(await fixture.tells(), []);
  });

  it('count by wildcards too', async (t) => {
    const fixture = await new Fixture().known(t);
    fixture.tell('clusterroles', 'ADDED', role('admin', [{ verbs: ['*'], apiGroups: ['*'] }]));
    assert.deepEqual(await fixture.tells(), ['*']);
  });

  it('are all that is told of', async (t) => {
    const fixture = await new Fixture().known(t);
    fixture.tell('roles', 'ADDED', role('reader', [read], 'web'));
    fixture.tell('roles', 'ADDED', role('nothing', undefined, 'web'));
    fixture.tell('clusterroles', 'ADDED', role('use-of-others', [{ verbs: ['use'], apiGroups: ['policy'] }]));
    fixture.tell('clusterroles', 'ADDED', role('urls', [{ verbs: ['*'] }]));
    fixture.tell('rolebindings', 'ADDED', binding('b', 'Role', 'reader', 'web'));
    fixture.tell('clusterrolebindings', 'ADDED', binding('c', 'ClusterRole', 'not-there'));
    assert.deepEqual(await fixture.tells(), []);
  });

  it('are told of all at once when they have been read, and not again one by one', async (t) => {
    const fixture = new Fixture();
    fixture.objects['clusterroles'] = [role('may', [use])];
    fixture.objects['clusterrolebindings'] = [binding('b', 'ClusterRole', 'may')];
    fixture.run(t).grants.want();
    assert.deepEqual(await fixture.tells(), ['*']);
    assert.deepEqual([await fixture.tells(), fixture.errors], [[], []]);
  });
});
