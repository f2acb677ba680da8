import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { anchorSourceText } from '../../../../../src/api/anchor-set.ts';
import { leftoverGraceMs, Leftovers } from '../../../../../src/controller/trust/anchor-sets/leftovers.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

const minute = 60_000;

class Fixture {
  readonly clock = new FakeClock();
  readonly deleted: string[] = [];
  there: boolean | { until: number } | undefined = true;
  failures = 0;

  constructor(t: TestContext) {
    const leftovers = new Leftovers({
      clock: this.clock,
      list: () =>
        [
          {
            metadata: { name: 'issuer.web.ca' },
            spec: { source: 'Issuer/web/ca', anchors: '', sequence: 1 },
          },
          { metadata: { name: 'bundle.b' }, spec: { source: 'Bundle/b', anchors: '', sequence: 1 } },
        ].filter(({ spec }) => !this.deleted.includes(spec.source)),
      delete: async (source) => {
        if (this.failures-- > 0) throw new Error('no');
        this.deleted.push(anchorSourceText(source));
      },
      log: silentLogger,
    });
    leftovers.collect('Issuer', () => this.there);
    const stop = new AbortController();
    const ended = leftovers.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }
}

describe('a set whose source is gone', () => {
  it('is deleted after a while, and others are left', async (t) => {
    const fixture = new Fixture(t);
    await fixture.clock.advance(30 * minute);
    assert.deepEqual(fixture.deleted, []);
    fixture.there = false;
    await fixture.clock.advance(leftoverGraceMs);
    assert.deepEqual(fixture.deleted, []);
    fixture.failures = 1;
    await fixture.clock.advance(minute);
    assert.deepEqual(fixture.deleted, [], 'what fails is tried again');
    await fixture.clock.advance(minute);
    assert.deepEqual(fixture.deleted, ['Issuer/web/ca']);
  });

  it('stays when the source comes back, or is not known', async (t) => {
    const fixture = new Fixture(t);
    for (const there of [false, undefined, false, true, false] as const) {
      fixture.there = there;
      await fixture.clock.advance(leftoverGraceMs - minute);
    }
    assert.deepEqual(fixture.deleted, []);
  });

  it('stays for as long as its anchors are needed', async (t) => {
    const fixture = new Fixture(t);
    fixture.there = { until: fixture.clock.now() + 60 * minute };
    await fixture.clock.advance(60 * minute);
    assert.deepEqual(fixture.deleted, []);
    await fixture.clock.advance(leftoverGraceMs + minute);
    assert.deepEqual(fixture.deleted, ['Issuer/web/ca']);
  });
});
