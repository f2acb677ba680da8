import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../../../../src/api/core.ts';
import { sleep } from '../../../../../src/kube/index.ts';
import { LiveServices } from '../../../../../src/controller/approval/facts/live-services.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

class Fixture {
  readonly clock = new FakeClock();
  readonly lists: string[] = [];
  /** Of the namespace `web`. */
  names: string[] = ['api'];
  pages = 1;
  takesMs = 0;
  fail: Error | undefined;
  readonly services = new LiveServices({
    clock: this.clock,
    list: async (namespace, { continue: from = '0', limit }) => {
      this.lists.push(`${namespace} ${from}`);
      assert.ok(limit <= 500);
      if (this.fail) throw this.fail;
      const items = this.names.map((name): Service => ({ metadata: { namespace, name }, spec: {} }));
      if (this.takesMs > 0) await sleep(this.clock, this.takesMs);
      const next = Number(from) + 1;
      return { items, metadata: { ...(next < this.pages && { continue: String(next) }) } };
    },
  });

  async ask(namespace = 'web'): Promise<string[]> {
    return (await this.services.of(namespace)).map(({ metadata }) => metadata.name ?? '');
  }
}

describe('the services of a namespace, read anew', () => {
  it('are listed once for all who ask meanwhile, after a rest, and each namespace by itself', async () => {
    const fixture = new Fixture();
    assert.deepEqual(await fixture.ask(), ['api']);
    const waiting = Promise.all(Array.from({ length: 50 }, () => fixture.ask()));
    assert.deepEqual(await fixture.ask('other'), ['api']);
    await fixture.clock.advance(99);
    assert.deepEqual(fixture.lists, ['web 0', 'other 0']);
    await fixture.clock.advance(1);
    await waiting;
    assert.deepEqual(fixture.lists, ['web 0', 'other 0', 'web 0']);
    await fixture.clock.advance(100);
    await fixture.ask();
    assert.equal(fixture.lists.length, 4);
    await fixture.clock.advance(100);
    assert.equal(fixture.clock.pending, 0);
  });

  it('rest for longer after a list that took long, and for a second at most', async () => {
    for (const [tookMs, restMs] of [
      [50, 200],
      [200, 800],
      [3_000, 1_000],
    ] as const) {
      const fixture = new Fixture();
      fixture.takesMs = tookMs;
      const [first, second] = [fixture.ask(), fixture.ask()];
      await fixture.clock.advance(tookMs + restMs - 1);
      await first;
      assert.equal(fixture.lists.length, 1);
      await fixture.clock.advance(1 + tookMs);
      await second;
      assert.equal(fixture.lists.length, 2);
    }
  });

  it('are never those of a list from before the question', async () => {
    const fixture = new Fixture();
    const early = fixture.ask();
    fixture.names = ['api', 'new'];
    const late = fixture.ask();
    await fixture.clock.advance(100);
    await fixture.clock.advance(100);
    assert.deepEqual(await early, ['api']);
    assert.deepEqual(await late, ['api', 'new']);
  });

  it('are listed by page, and no further than anybody waits for', async () => {
    const fixture = new Fixture();
    fixture.pages = 3;
    assert.equal((await fixture.ask()).length, 3);
    assert.deepEqual(fixture.lists, ['web 0', 'web 1', 'web 2']);
    await fixture.clock.advance(100);
    fixture.pages = 1_000_000;
    await fixture.ask();
    assert.equal(fixture.lists.length, 23);
  });

  it('are asked for again after a failure, by whoever comes next', async () => {
    const fixture = new Fixture();
    fixture.fail = new Error('away');
    await assert.rejects(fixture.ask(), /away/);
    const waiting = assert.rejects(fixture.ask(), /away/);
    await fixture.clock.advance(100);
    await waiting;
    fixture.fail = undefined;
    const found = fixture.ask();
    await fixture.clock.advance(100);
    assert.deepEqual(await found, ['api']);
  });

  it('rest no longer after a clock that was set', async () => {
    for (const wall of [0, Date.UTC(2050, 0, 1)]) {
      const fixture = new Fixture();
      fixture.takesMs = 10;
      const [first, second] = [fixture.ask(), fixture.ask()];
      fixture.clock.setWall(wall);
      await fixture.clock.advance(1_020);
      await Promise.all([first, second]);
    }
  });
});
