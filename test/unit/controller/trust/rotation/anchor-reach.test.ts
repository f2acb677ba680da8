import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IssuerKey } from '../../../../../src/controller/issuers/issuer-key.ts';
import { NodeCoverage } from '../../../../../src/controller/trust/coverage/node-coverage.ts';
import { AnchorReach } from '../../../../../src/controller/trust/rotation/anchor-reach.ts';
import type { Reach } from '../../../../../src/controller/trust/rotation/anchor-reach.ts';
import type { PublishedAnchors } from '../../../../../src/controller/trust/rotation/issuer-rotation.ts';
import { OtherConsumers } from '../../../../../src/controller/trust/rotation/other-consumers.ts';
import type { AnchorConsumer } from '../../../../../src/controller/trust/rotation/other-consumers.ts';

const key: IssuerKey = { kind: 'Issuer', namespace: 'web', name: 'ca' };
const other: IssuerKey = { ...key, name: 'other' };
const second = 1_000;
const minute = 60 * second;
const published: PublishedAnchors = { certificates: [], pem: '', hash: '1'.repeat(16) };

class World {
  now = 0;
  known = true;
  readonly nodes = new NodeCoverage();
  readonly consumers = new OtherConsumers();
  readonly reach = new AnchorReach(
    { settleMs: 2 * minute },
    {
      now: () => this.now,
      coverage: (sets) => (this.known ? this.nodes.of(sets) : undefined),
      consumers: this.consumers,
    },
  );

  report(nodeName: string, hashes: Record<string, string>): void {
    const sets = Object.entries(hashes).map(([name, hash]) => ({ name, hash, volumes: 1, behind: 0 }));
    const spec = { nodeName, driverName: 'csi.certmount.io', sets };
    this.nodes.onChange({ type: 'added', object: { metadata: { name: nodeName }, spec } });
  }

  look(ms = 0, what = published): Reach {
    this.now += ms;
    return this.reach.of(key, what);
  }
}

/** A Bundle that only volumes read. */
class TestBundle implements AnchorConsumer {
  readonly name = 'Bundle mesh';
  readonly isSilent: boolean = false;
  has = true;
  readonly set = { name: 'bundle.mesh', hash: () => '2'.repeat(16) };
  readonly lacks = (): string | undefined => (this.has ? undefined : 'Bundle mesh lacks it');
}

describe('what an issuer publishes', () => {
  it('is everywhere when every node has had it for ten seconds', () => {
    const world = new World();
    world.report('a', { 'issuer.web.ca': published.hash });
    assert.equal(world.look().isComplete, false);
    assert.equal(world.look(10 * second).isComplete, true);
    world.report('b', { 'issuer.web.ca': '0'.repeat(16) });
    assert.equal(world.look().isComplete, false);
  });

  it('is nowhere while it is not known what the nodes have', () => {
    const world = new World();
    world.known = false;
    world.look();
    assert.deepEqual(world.look(minute), {
      coverage: undefined,
      lacking: [],
      settledAt: 10 * second,
      isComplete: false,
    });
  });

  it('is on a node that has it through a Bundle when that has published it, and the node has that', () => {
    const world = new World();
    const bundle = new TestBundle();
    world.consumers.replace('bundles', [[key, bundle]]);
    bundle.has = false;
    world.report('a', { 'bundle.mesh': '2'.repeat(16) });
    world.look();
    const before = world.look(minute);
    assert.deepEqual(before.coverage, { nodes: 1, covered: 0, missing: ['a'] });
    assert.deepEqual(before.lacking, ['Bundle mesh lacks it']);
    bundle.has = true;
    assert.equal(world.look().isComplete, false, 'ten seconds from here');
    assert.equal(world.look(10 * second).isComplete, true);
    world.report('a', { 'bundle.mesh': '0'.repeat(16) });
    assert.equal(world.look().isComplete, false);
  });

  it('takes longer for those who report nothing, from when all who hand it on have it', () => {
    const world = new World();
    const bundle = Object.assign(new TestBundle(), { isSilent: true });
    world.consumers.replace('cluster-trust-bundles', [[key, bundle]]);
    world.look();
    bundle.has = false;
    assert.equal(world.look(10 * minute).isComplete, false);
    bundle.has = true;
    assert.equal(world.look().settledAt, world.now + 2 * minute);
    assert.equal(world.look(2 * minute - 1).isComplete, false);
    assert.equal(world.look(1).isComplete, true);
    assert.equal(world.look(0, { ...published, hash: '3'.repeat(16) }).isComplete, false, 'other anchors');
  });

  it('is not everywhere at once when a Bundle goes, which may come again', () => {
    const world = new World();
    const bundle = Object.assign(new TestBundle(), { isSilent: true });
    world.consumers.replace('bundles', [[key, bundle]]);
    world.report('a', { 'bundle.mesh': '0'.repeat(16) });
    world.look();
    assert.equal(world.look(10 * minute).isComplete, false, 'a node lacks it');
    world.consumers.replace('bundles', []);
    assert.equal(world.look().settledAt, world.now + 2 * minute);
    world.consumers.replace('bundles', [[key, bundle]]);
    assert.equal(world.look(minute).isComplete, false);
  });

  it('counts from the time that a clock is set back to', () => {
    const world = new World();
    world.now = 60 * minute;
    world.look();
    world.now = 0;
    world.look();
    assert.equal(world.look(10 * second).isComplete, true);
  });
});

describe('who hands anchors on', () => {
  it('is told of when that changes, and only then', () => {
    const consumers = new OtherConsumers();
    const told: string[] = [];
    consumers.subscribe((issuer) => void told.push(issuer));
    const take = (): string[] => told.splice(0).toSorted();
    consumers.replace('bundles', [
      [key, new TestBundle()],
      [other, new TestBundle()],
    ]);
    assert.deepEqual(take(), ['Issuer/web/ca', 'Issuer/web/other']);
    assert.deepEqual([...consumers.readersOf('bundle.mesh')], ['Issuer/web/ca', 'Issuer/web/other']);
    consumers.replace('bundles', [[key, new TestBundle()]]);
    assert.deepEqual(take(), ['Issuer/web/other']);
    assert.deepEqual(consumers.of(other), []);
    consumers.replace('bundles', [[key, Object.assign(new TestBundle(), { isSilent: true })]]);
    assert.deepEqual(take(), ['Issuer/web/ca']);
    consumers.changed(key);
    assert.deepEqual(take(), ['Issuer/web/ca']);
  });

  it('may be anybody before it is known', () => {
    const consumers = new OtherConsumers();
    consumers.expect('bundles', 'not known');
    assert.deepEqual(
      consumers.of(key).map((one) => one.lacks([])),
      ['not known'],
    );
    consumers.replace('bundles', []);
    assert.deepEqual(consumers.of(key), []);
  });
});
