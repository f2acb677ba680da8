import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { anchorSets } from '../../../../src/api/anchor-set.ts';
import type { AnchorSet } from '../../../../src/api/anchor-set.ts';
import { OptionalView } from '../../../../src/controller/trust/optional-view.ts';
import { KubeError } from '../../../../src/kube/index.ts';
import type { KubeClient } from '../../../../src/kube/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const second = 1_000;
const forbidden = new KubeError('forbidden', 'cannot list resource "anchorsets"');
const notFound = new KubeError('not-found', 'no such kind');

/** A view of an API server that answers every list with this error, or with nothing, and keeps watches open. */
class Fixture {
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  error: KubeError | undefined;
  known = false;
  #endWatch: (error: Error) => void = () => {};
  readonly view: OptionalView<AnchorSet>;

  constructor(t: TestContext, error: KubeError | undefined) {
    this.error = error;
    const resource = {
      type: anchorSets,
      list: async () => {
        if (this.error) throw this.error;
        return { metadata: { resourceVersion: '1' }, items: [] };
      },
      watch: (_query: unknown, _onEvent: unknown, { onOpen }: { onOpen?: () => void }) => {
        if (this.error) return Promise.reject(this.error);
        onOpen?.();
        return new Promise<void>((_, reject) => (this.#endWatch = reject));
      },
    };
    this.view = new OptionalView(anchorSets, {
      client: { resource: () => resource } as unknown as KubeClient,
      clock: this.clock,
      random: () => 0,
      log: { ...silentLogger, warn: (_, message) => void this.logged.push(message) },
    });
    const stop = new AbortController();
    const ended = this.view.run(stop.signal);
    void this.view.whenKnown().then(() => (this.known = true));
    t.after(async () => {
      stop.abort();
      this.#endWatch(new Error('the end'));
      await ended;
    });
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  async fail(error: KubeError): Promise<void> {
    this.error = error;
    this.#endWatch(error);
    await this.pass(0);
  }
}

describe('a resource that a cluster may lack', () => {
  it('is absent at once where it is not served, which is told once, and found when it is', async (t) => {
    const fixture = new Fixture(t, notFound);
    await fixture.pass(0);
    assert.deepEqual([fixture.view.state, fixture.known], ['absent', true]);
    await fixture.pass(600 * second);
    assert.equal(fixture.logged.length, 1);
    fixture.error = undefined;
    await fixture.pass(15 * second);
    assert.equal(fixture.view.state, 'present');
    await fixture.fail(notFound);
    assert.equal(fixture.view.state, 'absent');
  });

  it('is not absent for being refused, and refused only after a minute of that', async (t) => {
    const fixture = new Fixture(t, forbidden);
    await fixture.pass(50 * second);
    assert.deepEqual([fixture.view.state, fixture.known], ['loading', false]);
    await fixture.pass(30 * second);
    assert.deepEqual([fixture.view.state, fixture.known], ['refused', true]);
    await fixture.pass(600 * second);
    assert.deepEqual(fixture.logged, ['the controller may not list and watch it: apply deploy/rbac.yaml']);
    fixture.error = undefined;
    await fixture.pass(15 * second);
    assert.equal(fixture.view.state, 'present');
  });

  it('counts a refusal anew after another failure', async (t) => {
    const fixture = new Fixture(t, forbidden);
    await fixture.pass(50 * second);
    fixture.error = new KubeError('unavailable', 'no connection');
    await fixture.pass(20 * second);
    fixture.error = forbidden;
    await fixture.pass(50 * second);
    assert.equal(fixture.view.state, 'loading');
  });

  it('stays as it was last seen when it is refused later', async (t) => {
    const fixture = new Fixture(t, undefined);
    await fixture.pass(0);
    await fixture.fail(forbidden);
    await fixture.pass(600 * second);
    assert.equal(fixture.view.state, 'present');
  });
});
