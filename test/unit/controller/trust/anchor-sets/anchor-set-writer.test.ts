import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnchorSet, AnchorSource } from '../../../../../src/api/anchor-set.ts';
import { AnchorSetWriter } from '../../../../../src/controller/trust/anchor-sets/anchor-set-writer.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import { now } from '../../builders.ts';

const source: AnchorSource = { kind: 'Issuer', namespace: 'web', name: 'ca' };
const wanted = { anchors: 'A', trustDomain: 'example.org' };

/** An API server with at most one set, whose watch is told of nothing unless `cached` says so. */
class Fixture {
  stored: AnchorSet | undefined;
  cached: AnchorSet | undefined;
  served = true;
  writes = 0;
  /** What happens while a status is on its way to the server, and back. */
  beforeStatus = async (): Promise<unknown> => undefined;
  afterStatus = async (): Promise<unknown> => undefined;
  now = now;
  #version = 10;
  readonly writer = new AnchorSetWriter({
    now: () => this.now,
    cached: () => this.cached,
    allCached: () => (this.cached ? [this.cached] : []),
    resource: {
      get: async () => this.#found(),
      create: async (set) => {
        if (!this.served) throw new KubeError('not-found', 'no such kind');
        if (this.stored) throw new KubeError('already-exists', 'it is there');
        return this.#store(set);
      },
      replace: async (set) => {
        if (this.#found().metadata.resourceVersion !== set.metadata.resourceVersion) {
          throw new KubeError('conflict', 'changed');
        }
        return this.#store(set);
      },
      replaceStatus: async (set) => {
        await this.beforeStatus();
        if (this.#found().metadata.resourceVersion !== set.metadata.resourceVersion) {
          throw new KubeError('conflict', 'changed');
        }
        const stored = this.#store({ ...this.#found(), ...(set.status && { status: set.status }) });
        await this.afterStatus();
        return stored;
      },
      delete: async () => {
        this.#found();
        this.stored = undefined;
      },
    },
  });

  /** Somebody else changes it. */
  meddle(spec: Partial<AnchorSet['spec']>): void {
    const found = this.#found();
    this.#store({ ...found, spec: { ...found.spec, ...spec } });
    this.writes -= 1;
  }

  /** Somebody else deletes it. */
  lose(): void {
    this.stored = undefined;
  }

  #found(): AnchorSet {
    if (!this.stored) throw new KubeError('not-found', 'there is none');
    return this.stored;
  }

  #store(set: AnchorSet): AnchorSet {
    this.writes += 1;
    this.#version += 1;
    const { uid = `uid-${this.#version}` } = this.stored?.metadata ?? {};
    this.stored = { ...set, metadata: { ...set.metadata, uid, resourceVersion: String(this.#version) } };
    return this.stored;
  }
}

describe('an AnchorSet', () => {
  it('is written once as long as nothing changes', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    await fixture.writer.write(source, wanted);
    assert.equal(fixture.writes, 1);
    assert.equal(fixture.stored?.metadata.name, 'issuer.web.ca');
    assert.deepEqual(fixture.stored.spec, { source: 'Issuer/web/ca', sequence: now / 1000, ...wanted });
  });

  it('has a higher sequence with other anchors or another trust domain only', async () => {
    const { writer } = new Fixture();
    const sequence = async (content: Parameters<AnchorSetWriter['write']>[1]): Promise<number> => {
      const written = await writer.write(source, content);
      assert.ok(typeof written === 'object');
      return written.spec.sequence;
    };
    const first = await sequence(wanted);
    assert.equal(await sequence({ ...wanted, refreshHintSeconds: 60 }), first);
    assert.equal(await sequence({ ...wanted, annotations: { a: 'b' } }), first);
    assert.equal(await sequence({ ...wanted, anchors: 'B' }), first + 1);
    assert.equal(await sequence({ anchors: 'B', trustDomain: 'other.org' }), first + 2);
  });

  it('goes on with a higher sequence after it was deleted', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    await fixture.writer.write(source, { ...wanted, anchors: 'B' });
    const before = fixture.stored?.spec.sequence ?? 0;
    await fixture.writer.delete(source);
    await fixture.writer.delete(source);
    fixture.now += 10_000;
    await fixture.writer.write(source, wanted);
    assert.ok((fixture.stored?.spec.sequence ?? 0) > before);
  });

  it('keeps what others have annotated', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, { ...wanted, annotations: { mine: '1' } });
    const { stored } = fixture;
    assert.ok(stored);
    const annotations = { ...stored.metadata.annotations, theirs: '2' };
    fixture.cached = { ...stored, metadata: { ...stored.metadata, annotations } };
    await fixture.writer.write(source, { ...wanted, anchors: 'B', annotations: { mine: '3' } });
    assert.deepEqual(fixture.stored?.metadata.annotations, { mine: '3', theirs: '2' });
  });

  it('is brought to what it should be when another writer was faster', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    fixture.meddle({ anchors: 'X', sequence: now / 1000 + 7 });
    await fixture.writer.write(source, { ...wanted, anchors: 'B' });
    assert.equal(fixture.stored?.spec.anchors, 'B');
    assert.equal(fixture.stored.spec.sequence, now / 1000 + 8);
  });

  it('is left when its content depends on what was there', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    fixture.meddle({ anchors: 'X' });
    const write = (): Promise<unknown> =>
      fixture.writer.write(source, { ...wanted, anchors: 'B' }, { onConflict: 'throw' });
    await assert.rejects(write, { reason: 'conflict' });
    assert.equal(fixture.writer.get(source)?.spec.anchors, 'X', 'the next attempt knows what is there');
    await write();
    assert.equal(fixture.stored?.spec.anchors, 'B');
  });

  it('is written anew when somebody has deleted it, whatever it depends on', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    fixture.lose();
    await fixture.writer.write(source, { ...wanted, anchors: 'B' }, { onConflict: 'throw' });
    assert.equal(fixture.stored?.spec.anchors, 'B');
  });

  it('is not written where the kind was taken away while the watch still has it', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    fixture.cached = fixture.stored;
    fixture.lose();
    fixture.served = false;
    const written = fixture.writer.write(source, { ...wanted, anchors: 'B' }, { onConflict: 'throw' });
    assert.equal(await written, 'not-served');
  });

  it('is written when only the status has changed since', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    fixture.meddle({});
    await fixture.writer.write(source, { ...wanted, anchors: 'B' }, { onConflict: 'throw' });
    assert.equal(fixture.stored?.spec.anchors, 'B');
  });

  it('is not taken from a watch that is behind', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    fixture.cached = fixture.stored;
    await fixture.writer.write(source, { ...wanted, anchors: 'B' });
    await fixture.writer.write(source, wanted);
    assert.equal(fixture.stored?.spec.anchors, 'A');
    assert.equal(fixture.writes, 3);
  });

  it('is not what it was before because a status was written at the same time', async () => {
    const status = { coverage: { nodes: 1, covered: 1 } };
    const next = { ...wanted, anchors: 'B' };
    for (const moment of ['beforeStatus', 'afterStatus'] as const) {
      const fixture = new Fixture();
      await fixture.writer.write(source, wanted);
      fixture.cached = fixture.stored;
      fixture[moment] = () => fixture.writer.write(source, next, { onConflict: 'throw' });
      await fixture.writer.writeStatus(source, status);
      assert.equal(fixture.writer.get(source)?.spec.anchors, 'B', moment);
    }
  });

  it('is made again when it was deleted while the watch was away', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    const first = fixture.stored;
    assert.ok(first);
    await fixture.writer.write(source, { ...wanted, anchors: 'B' });
    fixture.lose();
    // With the last state that the watch had heard of.
    fixture.writer.onChange({ type: 'deleted', object: first });
    await fixture.writer.write(source, { ...wanted, anchors: 'B' });
    assert.equal(fixture.stored?.spec.anchors, 'B');
  });

  it('is not gone when the watch tells late that the one before it is', async () => {
    const fixture = new Fixture();
    await fixture.writer.write(source, wanted);
    const first = fixture.stored;
    assert.ok(first);
    fixture.lose();
    await fixture.writer.write(source, { ...wanted, anchors: 'B' }, { onConflict: 'throw' });
    fixture.writer.onChange({ type: 'deleted', object: first });
    assert.equal(fixture.writer.get(source)?.spec.anchors, 'B');
  });

  it('is not written where the cluster has no such kind', async () => {
    const fixture = new Fixture();
    fixture.served = false;
    assert.equal(await fixture.writer.write(source, wanted), 'not-served');
  });

  it('is found among all before the watch has told of it, and once', async () => {
    const fixture = new Fixture();
    const all = (): string[] => Array.from(fixture.writer.all(), ({ spec }) => spec.anchors);
    assert.deepEqual(all(), []);
    await fixture.writer.write(source, wanted);
    assert.deepEqual(all(), ['A']);
    fixture.cached = fixture.stored;
    await fixture.writer.write(source, { ...wanted, anchors: 'B' });
    assert.deepEqual(all(), ['B']);
  });
});
