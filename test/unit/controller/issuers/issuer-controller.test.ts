import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Issuer, IssuerStatus } from '../../../../src/api/issuer.ts';
import { EventRecorder } from '../../../../src/controller/events/event-recorder.ts';
import { IssuerController } from '../../../../src/controller/issuers/issuer-controller.ts';
import type { IssuerFinding } from '../../../../src/controller/issuers/issuer-condition.ts';
import type { IssuerState } from '../../../../src/controller/issuers/issuer-state.ts';
import { KubeError } from '../../../../src/kube/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { newIssuer, now } from '../builders.ts';

const ready: IssuerState = {
  state: 'ready',
  reason: 'KeyPairVerified',
  message: 'Signing CA verified',
  anchors: [],
  signer: { signsWith: 'authority', sign: () => assert.fail('nothing is signed') },
};
const missing: IssuerState = { state: 'not-ready', reason: 'ErrGetKeyPair', message: 'not found' };

class Fixture {
  readonly clock = new FakeClock();
  readonly statuses: IssuerStatus[] = [];
  readonly events: string[] = [];
  readonly known: string[] = [];
  readonly errors: unknown[] = [];
  issuer: Issuer | undefined = newIssuer();
  state: IssuerState | undefined = ready;
  fail: Error | undefined;
  rotation: IssuerFinding | undefined;
  readonly #controller: IssuerController;

  constructor(t: TestContext) {
    const create = ({ reason }: { reason: string }): Promise<unknown> =>
      Promise.resolve(this.events.push(reason));
    this.#controller = new IssuerController({
      clock: this.clock,
      random: () => 0.5,
      find: () => this.issuer,
      state: () => this.state,
      rotation: () => this.rotation,
      writeStatus: (_, issuer, status) => {
        if (this.fail) return Promise.reject(this.fail);
        this.statuses.push(status);
        this.issuer = { ...issuer, status };
        return Promise.resolve();
      },
      onKnown: (issuer) => void this.known.push(issuer),
      events: new EventRecorder(
        { reportingController: 'c', reportingInstance: 'i' },
        { clock: this.clock, create, onError: () => {} },
      ),
      metrics: { synced: () => {}, failed: () => {} },
      log: { ...silentLogger, warn: ({ error }) => void this.errors.push(error) },
    });
    const stop = new AbortController();
    const ended = this.#controller.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  async touch(): Promise<void> {
    this.#controller.touch({ kind: 'Issuer', namespace: 'web', name: 'ca' });
    await settle();
  }
}

describe("an issuer's Ready condition", () => {
  it('is written once, with the generation that it speaks of', async (t) => {
    const fixture = new Fixture(t);
    await fixture.touch();
    await fixture.touch();
    assert.deepEqual(fixture.statuses, [
      {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'KeyPairVerified',
            message: 'Signing CA verified',
            observedGeneration: 1,
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ],
      },
    ]);
    assert.deepEqual(fixture.events, []);
  });

  it('is written again for a new generation', async (t) => {
    const fixture = new Fixture(t);
    await fixture.touch();
    const { issuer } = fixture;
    assert.ok(issuer);
    fixture.issuer = { ...issuer, metadata: { ...issuer.metadata, generation: 2 } };
    await fixture.touch();
    assert.deepEqual(
      fixture.statuses.map(({ conditions = [] }) => conditions[0]?.observedGeneration),
      [1, 2],
    );
  });

  it('keeps what else is in the status', async (t) => {
    const fixture = new Fixture(t);
    fixture.issuer = newIssuer(undefined, { status: { acme: { uri: 'https://acme.example' } } });
    await fixture.touch();
    assert.deepEqual(fixture.statuses[0]?.acme, { uri: 'https://acme.example' });
  });

  it('turns False with an Event when the key pair goes away', async (t) => {
    const fixture = new Fixture(t);
    await fixture.touch();
    fixture.state = missing;
    await fixture.touch();
    const [condition] = fixture.statuses[1]?.conditions ?? [];
    assert.deepEqual(
      [condition?.status, condition?.reason, condition?.message],
      ['False', 'ErrGetKeyPair', 'not found'],
    );
    assert.deepEqual(fixture.events, ['ErrGetKeyPair']);
  });

  it('says that a type is missing, or not served', async (t) => {
    const fixture = new Fixture(t);
    fixture.state = { state: 'typeless' };
    await fixture.touch();
    fixture.state = { state: 'not-supported', type: 'vault' };
    await fixture.touch();
    assert.deepEqual(
      fixture.statuses.map(({ conditions = [] }) => [conditions[0]?.status, conditions[0]?.reason]),
      [
        ['False', 'ErrInitIssuer'],
        ['False', 'IssuerTypeNotSupported'],
      ],
    );
  });

  it('stays as it is while nothing is known', async (t) => {
    const fixture = new Fixture(t);
    fixture.state = { state: 'loading' };
    await fixture.touch();
    assert.deepEqual(fixture.statuses, []);
    assert.deepEqual(fixture.known, []);
  });

  it('is looked at again when the CA expires', async (t) => {
    const fixture = new Fixture(t);
    fixture.state = { ...ready, recheckAt: now + 60_000 };
    await fixture.touch();
    fixture.state = missing;
    await fixture.clock.advance(60_000);
    assert.equal(fixture.statuses.length, 2);
  });
});

describe("an issuer's CARotation condition", () => {
  const rotating: IssuerFinding = { status: 'True', reason: 'Spreading', message: 'on 3 of 5 nodes' };
  const steady: IssuerFinding = { status: 'False', reason: 'Steady', message: 'one CA signs' };

  it('is written with the other one, and again when there is news', async (t) => {
    const fixture = new Fixture(t);
    fixture.rotation = rotating;
    await fixture.touch();
    await fixture.touch();
    fixture.rotation = { ...rotating, message: 'on 4 of 5 nodes' };
    await fixture.touch();
    const said = fixture.statuses.map(({ conditions }) =>
      conditions?.map(({ type, status, message }) => [type, status, message].join(' ')),
    );
    const ready = 'Ready True Signing CA verified';
    assert.deepEqual(said, [
      [ready, 'CARotation True on 3 of 5 nodes'],
      [ready, 'CARotation True on 4 of 5 nodes'],
    ]);
    assert.deepEqual(fixture.events, []);
  });

  it('is not there as long as the CA never changed, and says False afterwards', async (t) => {
    const fixture = new Fixture(t);
    fixture.rotation = steady;
    await fixture.touch();
    assert.deepEqual(
      fixture.statuses[0]?.conditions?.map(({ type }) => type),
      ['Ready'],
    );
    fixture.rotation = rotating;
    await fixture.touch();
    fixture.rotation = steady;
    await fixture.touch();
    const last = fixture.statuses[2]?.conditions?.find(({ type }) => type === 'CARotation');
    assert.deepEqual([last?.status, last?.reason], ['False', 'Steady']);
  });
});

describe('an issuer that becomes known', () => {
  it('tells the requests before anything is written', async (t) => {
    const fixture = new Fixture(t);
    fixture.fail = new KubeError('unavailable', 'no connection');
    await fixture.touch();
    assert.deepEqual(fixture.known, ['Issuer/web/ca']);
    assert.equal(fixture.errors.length, 1);
    fixture.fail = undefined;
    await fixture.clock.advance(1000);
    assert.equal(fixture.statuses.length, 1);
  });

  it('tells the requests when it is gone too', async (t) => {
    const fixture = new Fixture(t);
    fixture.issuer = undefined;
    fixture.state = undefined;
    await fixture.touch();
    assert.deepEqual(fixture.known, ['Issuer/web/ca']);
    assert.deepEqual(fixture.statuses, []);
  });

  it('leaves nothing planned when it is gone', async (t) => {
    const fixture = new Fixture(t);
    fixture.state = { ...ready, recheckAt: now + 365 * 24 * 3_600_000 };
    await fixture.touch();
    assert.equal(fixture.clock.pending, 1);
    fixture.issuer = undefined;
    fixture.state = undefined;
    await fixture.touch();
    assert.equal(fixture.clock.pending, 0);
  });

  it('is quiet about a conflict: the change itself brings it back', async (t) => {
    const fixture = new Fixture(t);
    fixture.fail = new KubeError('conflict', 'changed');
    await fixture.touch();
    assert.deepEqual(fixture.errors, []);
  });
});
