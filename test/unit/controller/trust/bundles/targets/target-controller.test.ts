import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ConfigMap, Namespace } from '../../../../../../src/api/core.ts';
import { slimTarget } from '../../../../../../src/controller/trust/bundles/targets/present-target.ts';
import { TargetController } from '../../../../../../src/controller/trust/bundles/targets/target-controller.ts';
import { TargetWriter } from '../../../../../../src/controller/trust/bundles/targets/target-writer.ts';
import type {
  TargetObject,
  TargetResource,
} from '../../../../../../src/controller/trust/bundles/targets/target-writer.ts';
import { targetContents } from '../../../../../../src/controller/trust/bundles/targets/formats.ts';
import { wantedTarget } from '../../../../../../src/controller/trust/bundles/targets/wanted-target.ts';
import type {
  TargetKind,
  WantedTarget,
} from '../../../../../../src/controller/trust/bundles/targets/wanted-target.ts';
import { keyText, KubeError } from '../../../../../../src/kube/index.ts';
import type { ObjectKey } from '../../../../../../src/kube/index.ts';
import { silentLogger } from '../../../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../../../support/fake-clock.ts';
import { newBundle, newRoot } from '../support.ts';

const root = await newRoot('A');

/** ConfigMaps of a cluster whose watch is never behind. */
class Cluster {
  readonly stored = new Map<string, ConfigMap>();
  readonly calls: string[] = [];
  readonly refused = new Map<string, KubeError>();
  controller: TargetController | undefined;
  #version = 0;

  readonly resource: TargetResource = {
    get: async (key: ObjectKey) => {
      this.#call('get', key);
      return this.stored.get(keyText(key)) ?? assert.fail('get of what is not there');
    },
    create: async (object: ConfigMap) => {
      const key = keyOf(object);
      this.#call('create', key);
      if (this.stored.has(keyText(key))) throw new KubeError('already-exists', 'already exists');
      return this.put(object);
    },
    patch: async (key: ObjectKey, patch: object) => {
      this.#call('patch', key);
      const present = this.stored.get(keyText(key)) ?? assert.fail('patch of what is not there');
      return this.put(merge(present, patch) as ConfigMap);
    },
    delete: async (key: ObjectKey) => {
      this.#call('delete', key);
      const present = this.stored.get(keyText(key));
      this.stored.delete(keyText(key));
      if (present) this.controller?.targetChanged(present);
    },
  };

  /** As seen through a watch of those that have the label. */
  readonly present = {
    get: (key: ObjectKey): TargetObject | undefined =>
      this.#labelled().find((one) => keyText(keyOf(one)) === keyText(key)),
    list: (): TargetObject[] => this.#labelled(),
  };

  put(object: ConfigMap): ConfigMap {
    this.#version += 1;
    const metadata = { uid: `u${this.#version}`, ...object.metadata, resourceVersion: `${this.#version}` };
    const stored = { ...object, metadata };
    this.stored.set(keyText(keyOf(object)), stored);
    this.controller?.targetChanged(slimTarget(stored));
    return stored;
  }

  #labelled(): ConfigMap[] {
    return [...this.stored.values()]
      .filter(({ metadata }) => metadata.labels?.['trust.cert-manager.io/bundle'] !== undefined)
      .map((object) => slimTarget(object));
  }

  #call(verb: string, key: ObjectKey): void {
    this.calls.push(`${verb} ${keyText(key)}`);
    const error = this.refused.get(key.namespace ?? '');
    if (error) throw error;
  }
}

function keyOf({ metadata }: ConfigMap): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(target as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else if (value !== undefined) merged[key] = merge(merged[key], value);
  }
  return merged;
}

let clock: FakeClock;
let cluster: Cluster;
let namespaces: Map<string, Namespace>;
let settled: string[];
let controller: TargetController;

beforeEach(() => {
  clock = new FakeClock();
  cluster = new Cluster();
  settled = [];
  namespaces = new Map(
    ['web', 'shop'].map((name) => [
      name,
      { metadata: { name, labels: { team: name } }, status: { phase: 'Active' } },
    ]),
  );
  controller = newController();
});

function newController(): TargetController {
  const made = new TargetController(
    { workers: 2 },
    {
      clock,
      random: () => 0,
      log: silentLogger,
      namespaces: { get: ({ name }) => namespaces.get(name), list: () => namespaces.values() },
      present: (kind) => (kind === 'ConfigMap' ? cluster.present : { get: () => undefined, list: () => [] }),
      writer: new TargetWriter({ resource: () => cluster.resource, onWrite: () => {} }),
      onSettled: (bundle) => settled.push(bundle),
      onFailure: () => {},
    },
  );
  cluster.controller = made;
  void made.run(new AbortController().signal);
  return made;
}

function kinds(bundle = newBundle()): ReadonlyMap<TargetKind, WantedTarget> {
  const template = bundle.spec.target?.configMap;
  if (template === undefined) return new Map();
  const contents = targetContents([root.certificate]);
  return new Map([['ConfigMap', wantedTarget(bundle, 'ConfigMap', template, contents)]]);
}

const want = async (namespaceSelector = {}, of = kinds()): Promise<void> => {
  controller.want('roots', { namespaceSelector, kinds: of });
  await settled5();
};

/** Every write of two workers is done. */
async function settled5(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await settle();
}

describe('the targets of a Bundle', () => {
  it('cost one write each, and nothing when they are there', async () => {
    await want();
    assert.deepEqual(cluster.calls.toSorted(), ['create shop/roots', 'create web/roots']);
    await want({}, kinds());
    controller = newController();
    await want();
    assert.equal(cluster.calls.length, 2);
    assert.equal(controller.isPending('roots'), false);
  });

  it('are written elsewhere while one namespace refuses, which is tried again later each time', async () => {
    cluster.refused.set('shop', new KubeError('forbidden', 'quota'));
    await want();
    assert.ok(cluster.stored.has('web/roots'));
    assert.deepEqual([...controller.failures('roots')], [['shop', { message: 'quota', isForeign: false }]]);
    assert.equal(controller.isPending('roots'), false);
    const tries = (): number => cluster.calls.filter((call) => call === 'create shop/roots').length;
    await clock.advance(10_000);
    assert.ok(tries() >= 3 && tries() <= 6, `${tries()}`);
    cluster.refused.clear();
    await clock.advance(60_000);
    assert.equal(controller.failures('roots').size, 0);
    assert.equal(settled.at(-1), 'roots');
  });

  it('are told of as lacking until they were everywhere once', async () => {
    cluster.refused.set('shop', new KubeError('forbidden', 'quota'));
    controller.want('roots', { namespaceSelector: {}, kinds: kinds() });
    assert.equal(controller.lacking('roots'), 'all namespaces yet');
    await settled5();
    assert.equal(controller.lacking('roots'), 'namespaces shop');
    cluster.refused.clear();
    await clock.advance(60_000);
    assert.equal(controller.lacking('roots'), undefined);
    namespaces.set('new', { metadata: { name: 'new' }, status: { phase: 'Active' } });
    cluster.refused.set('new', new KubeError('forbidden', 'quota'));
    controller.namespaceChanged('new');
    await settled5();
    assert.equal(controller.failures('roots').size, 1);
    assert.equal(controller.lacking('roots'), undefined, 'nobody there has had anything else');
  });

  it('are not lacking where something else has their name', async () => {
    cluster.put({ metadata: { namespace: 'web', name: 'roots' }, data: { 'ca.crt': 'mine' } });
    await want();
    assert.equal(controller.failures('roots').get('web')?.isForeign, true);
    assert.equal(controller.lacking('roots'), undefined);
  });

  it('are never deleted before it is known what the Bundle wants', async () => {
    await want();
    controller = newController();
    controller.namespaceChanged('web');
    for (const object of cluster.present.list()) controller.targetChanged(object);
    await settled5();
    assert.equal(cluster.stored.size, 2);
  });

  it('go when their namespace is no longer selected, and when the Bundle goes', async () => {
    await want();
    await want({ matchLabels: { team: 'web' } });
    assert.deepEqual([...cluster.stored.keys()], ['web/roots']);
    controller.forget('roots');
    await settled5();
    assert.equal(cluster.stored.size, 0);
  });

  it('stay away from what is not theirs, and from a copy of one', async () => {
    cluster.put({ metadata: { namespace: 'web', name: 'roots' }, data: { 'ca.crt': 'mine' } });
    const labels = { 'trust.cert-manager.io/bundle': 'roots' };
    cluster.put({ metadata: { namespace: 'shop', name: 'roots', labels }, data: { 'ca.crt': 'copied' } });
    await want({ matchLabels: { team: 'web' } });
    assert.match(controller.failures('roots').get('web')?.message ?? '', /exists and is not the Bundle's/);
    assert.deepEqual(
      [...cluster.stored.values()].map(({ data }) => data?.['ca.crt']),
      ['mine', 'copied'],
    );
    controller.forget('roots');
    await settled5();
    assert.equal(cluster.stored.size, 2);
  });

  it('are left to a namespace that ends', async () => {
    await want();
    namespaces.set('web', { metadata: { name: 'web' }, status: { phase: 'Terminating' } });
    cluster.stored.delete('web/roots');
    controller.namespaceChanged('web');
    cluster.calls.length = 0;
    await want();
    assert.deepEqual(cluster.calls, []);
  });

  it('forget a failure together with its namespace', async () => {
    cluster.refused.set('shop', new KubeError('forbidden', 'quota'));
    await want();
    namespaces.delete('shop');
    controller.namespaceChanged('shop');
    await settled5();
    assert.equal(controller.failures('roots').size, 0);
    assert.equal(clock.pending, 0);
  });

  it('are not written without end against another writer', async () => {
    await want({ matchLabels: { team: 'web' } });
    const spoil = async (): Promise<void> => {
      const present = cluster.stored.get('web/roots') ?? assert.fail('gone');
      if (present.data?.['ca.crt'] === 'theirs') return;
      cluster.put({ ...present, data: { 'ca.crt': 'theirs' } });
      await settled5();
    };
    for (let round = 0; round < 20; round += 1) await spoil();
    const patches = (): number => cluster.calls.filter((call) => call.startsWith('patch')).length;
    assert.equal(patches(), 5);
    assert.match(controller.failures('roots').get('web')?.message ?? '', /somebody else keeps changing it/);
    await clock.advance(61_000);
    assert.equal(patches(), 6);
    assert.equal(controller.failures('roots').size, 0);
  });
});
