import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import { CoverageReporter } from '../../../../../src/controller/trust/coverage/coverage-reporter.ts';
import type { RotationReport } from '../../../../../src/controller/trust/rotation/rotation-report.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

const second = 1_000;
const minute = 60 * second;

class Fixture {
  readonly clock = new FakeClock();
  nodes = 1;
  covered = 1;
  rotation: RotationReport | undefined;
  writes = 0;
  set: AnchorSet;
  readonly #reporter: CoverageReporter;
  readonly #name: string;

  constructor(t: TestContext, source: string, random = 0) {
    this.#name = source.replaceAll('/', '.').toLowerCase();
    this.set = { metadata: { name: this.#name }, spec: { source, anchors: 'A', sequence: 1 } };
    this.#reporter = new CoverageReporter({
      clock: this.clock,
      random: () => random,
      find: () => this.set,
      coverage: () => ({ nodes: this.nodes, covered: this.covered, missing: [] }),
      rotation: () => this.rotation,
      writeStatus: async (_, status) => {
        this.writes += 1;
        this.set = { ...this.set, status };
      },
      log: silentLogger,
    });
    const stop = new AbortController();
    const ended = this.#reporter.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  /** One node more, every second. */
  async grow(ms: number, nodes = 1): Promise<number> {
    const before = this.writes;
    for (let passed = 0; passed < ms; passed += second) {
      this.nodes += nodes;
      this.covered += 1;
      this.#reporter.touchSoon(this.#name);
      await this.clock.advance(second);
    }
    return this.writes - before;
  }
}

describe('the status of an AnchorSet', () => {
  it('is written when it changes, once a minute at most', async (t) => {
    const fixture = new Fixture(t, 'Issuer/web/ca');
    assert.equal(await fixture.grow(second), 1);
    assert.equal(await fixture.grow(10 * minute), 10);
    await fixture.clock.advance(10 * minute);
    assert.ok(fixture.writes <= 12, 'the last count, and nothing after it');
    assert.deepEqual(fixture.set.status?.coverage, { nodes: 602, covered: 602 });
  });

  it('is written every other second while a node lacks something, or a CA changes', async (t) => {
    const fixture = new Fixture(t, 'ClusterIssuer/ca');
    await fixture.grow(second, 2);
    assert.equal(await fixture.grow(minute), 30);
    const changing = new Fixture(t, 'ClusterIssuer/ca');
    changing.rotation = { status: 'True', reason: 'Held', message: 'held' };
    await changing.grow(second);
    assert.equal(await changing.grow(minute), 30);
    assert.equal(changing.set.status?.conditions?.[0]?.reason, 'Held');
  });

  it('of a Bundle, which may be large, is written more rarely, and not all at once', async (t) => {
    const fixture = new Fixture(t, 'Bundle/public');
    await fixture.grow(second);
    assert.equal(await fixture.grow(60 * minute), 6);
    const late = new Fixture(t, 'Bundle/public', 0.999);
    await late.grow(second);
    assert.equal(await late.grow(60 * minute), 4);
    const moving = new Fixture(t, 'Bundle/public');
    await moving.grow(second, 2);
    assert.equal(await moving.grow(minute), 6);
  });
});
