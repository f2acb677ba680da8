import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type {
  CertificateRequest,
  CertificateRequestStatus,
} from '../../../../src/api/certificate-request.ts';
import { EventRecorder } from '../../../../src/controller/events/event-recorder.ts';
import type { RequestOutcome } from '../../../../src/controller/requests/outcome.ts';
import { RequestController } from '../../../../src/controller/requests/request-controller.ts';
import { KubeError } from '../../../../src/kube/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { condition, newRequest } from '../builders.ts';

const issued: RequestOutcome = { outcome: 'issued', issued: { certificate: 'leaf' } };
const waiting: RequestOutcome = { outcome: 'problem', problem: 'IssuerNotFound', message: 'gone' };

/** A controller over one request; `outcome` is what comes of it now, `fail` what the next status write ends with. */
class Fixture {
  readonly clock = new FakeClock();
  readonly statuses: CertificateRequestStatus[] = [];
  readonly events: string[] = [];
  readonly notes: string[] = [];
  readonly lines: string[] = [];
  readonly counted: string[] = [];
  readonly awaited: (string | undefined)[] = [];
  readonly errors: unknown[] = [];
  readonly controller: RequestController;
  request: CertificateRequest | undefined = newRequest();
  outcome: RequestOutcome = issued;
  fail: Error | undefined;
  /** Runs while a status is being written. */
  whileWriting: () => void = () => {};
  roomForSecret = true;
  nothingChanges = false;
  whileResolving: (() => void) | undefined;
  resolved = 0;

  constructor(t: TestContext) {
    const count = (what: string): void => void this.counted.push(what);
    const events = new EventRecorder(
      { reportingController: 'c', reportingInstance: 'i' },
      {
        clock: this.clock,
        create: ({ note = '', reason }) => {
          this.notes.push(note);
          return Promise.resolve(this.events.push(reason));
        },
        onError: () => {},
      },
    );
    this.controller = new RequestController(
      { workers: 2 },
      {
        clock: this.clock,
        random: () => 0.5,
        find: () => this.request,
        resolve: () => {
          this.resolved += 1;
          this.whileResolving?.();
          return Promise.resolve(this.outcome);
        },
        writeStatus: async (request, status) => {
          this.whileWriting();
          await settle();
          if (this.fail) throw this.fail;
          this.statuses.push(status);
          const resourceVersion = this.nothingChanges
            ? request.metadata.resourceVersion
            : String(this.statuses.length + 1);
          return newRequest({ metadata: { ...(resourceVersion !== undefined && { resourceVersion }) } });
        },
        awaitSecret: (_, secret) => {
          this.awaited.push(secret?.name);
          return this.roomForSecret || secret === undefined;
        },
        events,
        metrics: {
          synced: () => {},
          failed: () => count('error'),
          issued: (handled) => count(`issued after ${handled} ms`),
          finished: count,
          conflict: () => count('conflict'),
        },
        log: {
          ...silentLogger,
          info: (_, message) => void this.lines.push(message),
          warn: ({ error }) => void this.errors.push(error),
        },
      },
    );
    const stop = new AbortController();
    const ended = this.controller.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  /** The watch tells of the request as it is, or as it is given. */
  async seen(request = newRequest()): Promise<void> {
    this.request = request;
    this.controller.onChange({ type: 'modified', object: request, previous: request });
    await this.quiet();
  }

  /** The watch tells of the status that was written last. */
  seenWritten(): Promise<void> {
    const conditions = this.statuses.at(-1)?.conditions ?? [];
    return this.seen(
      newRequest({ conditions, metadata: { resourceVersion: String(this.statuses.length + 1) } }),
    );
  }

  async quiet(): Promise<void> {
    for (let round = 0; round < 5; round++) await settle();
  }
}

describe('a request from creation to its final status', () => {
  it('gets one status write and no Event when it is issued', async (t) => {
    const fixture = new Fixture(t);
    await fixture.seen();
    assert.equal(fixture.statuses.length, 1);
    assert.deepEqual(fixture.events, []);
    assert.deepEqual(fixture.counted, ['issued after 0 ms']);
  });

  it('is not signed twice while the watch is behind its own status write', async (t) => {
    const fixture = new Fixture(t);
    await fixture.seen();
    fixture.controller.issuerKnown('Issuer/web/ca');
    await fixture.quiet();
    assert.equal(fixture.statuses.length, 1);
    assert.equal(fixture.resolved, 1);
  });

  it('is not signed twice when the watch tells of the status before the write is answered', async (t) => {
    const fixture = new Fixture(t);
    const done = newRequest({
      conditions: [condition('Ready', 'True', 'Issued')],
      metadata: { resourceVersion: '2' },
    });
    fixture.whileWriting = (): void => {
      fixture.request = done;
      fixture.controller.onChange({ type: 'modified', object: done, previous: done });
    };
    await fixture.seen();
    assert.equal(fixture.statuses.length, 1);
    assert.equal(fixture.controller.open, 0);
    assert.deepEqual(fixture.counted, ['issued after 0 ms']);
  });

  it('goes on by itself when its issuer is known', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = waiting;
    await fixture.seen();
    await fixture.seenWritten();
    assert.equal(fixture.statuses.length, 1, 'the same thing is not written again');
    fixture.outcome = issued;
    await fixture.clock.advance(40);
    fixture.controller.issuerKnown('Issuer/web/other');
    await fixture.quiet();
    assert.equal(fixture.statuses.length, 1);
    fixture.controller.issuerKnown('Issuer/web/ca');
    await fixture.quiet();
    assert.equal(fixture.statuses.length, 2);
    assert.deepEqual(fixture.counted, ['pending', 'issued after 40 ms']);
    assert.deepEqual(fixture.events, ['IssuerNotFound']);
  });

  it('is let go when it is final, deleted, or not ours', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = waiting;
    await fixture.seen();
    assert.equal(fixture.controller.open, 1);
    fixture.controller.onChange({ type: 'deleted', object: newRequest() });
    assert.equal(fixture.controller.open, 0);
    const conditions = [condition('Approved', 'True', 'policy')];
    await fixture.seen(newRequest({ issuerRef: { name: 'ca', group: 'other.io' }, conditions }));
    assert.equal(fixture.controller.open, 0);
    assert.equal(fixture.resolved, 1);
  });
});

describe('a status write that changes nothing', () => {
  it('does not wait for a watch event that never comes', async (t) => {
    const fixture = new Fixture(t);
    fixture.nothingChanges = true;
    await fixture.seen();
    fixture.controller.issuerKnown('Issuer/web/ca');
    await fixture.quiet();
    assert.equal(fixture.resolved, 2);
  });
});

describe('a status write that fails', () => {
  it('is quiet about a conflict and looks again when the watch tells of the change', async (t) => {
    const fixture = new Fixture(t);
    fixture.fail = new KubeError('conflict', 'changed');
    await fixture.seen();
    assert.deepEqual(fixture.errors, []);
    assert.deepEqual(fixture.counted, ['conflict']);
    fixture.fail = undefined;
    await fixture.seen(newRequest({ metadata: { resourceVersion: '2' } }));
    assert.equal(fixture.statuses.length, 1);
  });

  it('is quiet about a request that is gone', async (t) => {
    const fixture = new Fixture(t);
    fixture.fail = new KubeError('not-found', 'gone');
    await fixture.seen();
    assert.deepEqual(fixture.errors, []);
  });

  it('is repeated after anything else', async (t) => {
    const fixture = new Fixture(t);
    fixture.fail = new KubeError('unavailable', 'no connection');
    await fixture.seen();
    assert.equal(fixture.errors.length, 1);
    fixture.fail = undefined;
    await fixture.clock.advance(1000);
    await fixture.quiet();
    assert.equal(fixture.statuses.length, 1);
  });
});

describe('a request that waits for a Secret', () => {
  const noKey: RequestOutcome = {
    outcome: 'problem',
    problem: 'MissingSecret',
    message: 'no key',
    awaits: { namespace: 'web', name: 'key' },
  };

  it('comes back when the Secret changes', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = noKey;
    await fixture.seen();
    assert.deepEqual(fixture.awaited, ['key']);
    await fixture.seenWritten();
    fixture.outcome = issued;
    fixture.controller.secretChanged('web/request');
    await fixture.quiet();
    assert.equal(fixture.counted.at(-1), 'issued after 0 ms');
  });

  it('comes back by time where there is no room for a watch', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = noKey;
    fixture.roomForSecret = false;
    await fixture.seen();
    await fixture.seenWritten();
    assert.equal(fixture.resolved, 2);
    await fixture.clock.advance(30_000);
    assert.equal(fixture.resolved, 3);
  });

  it('waits for nothing when it was deleted while somebody looked at it', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = noKey;
    fixture.whileResolving = () =>
      fixture.controller.onChange({ type: 'deleted', object: fixture.request ?? newRequest() });
    await fixture.seen();
    assert.deepEqual(fixture.awaited, [undefined]);
  });

  it('waits no longer once it is final', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = noKey;
    await fixture.seen();
    await fixture.seen(newRequest({ conditions: [condition('Ready', 'False', 'Failed')] }));
    assert.deepEqual(fixture.awaited, ['key', undefined]);
  });
});

describe('a request that nobody approves', () => {
  it('is noticed after half a minute, once', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'unapproved', message: 'no policy applies' };
    await fixture.seen();
    await fixture.clock.advance(29_000);
    assert.deepEqual(fixture.events, []);
    await fixture.clock.advance(1_000);
    await fixture.quiet();
    assert.deepEqual(fixture.events, ['WaitingForApproval']);
    await fixture.seen(newRequest({ metadata: { resourceVersion: '2' } }));
    await fixture.clock.advance(60_000);
    assert.deepEqual(fixture.events, ['WaitingForApproval']);
    assert.equal(fixture.statuses.length, 0);
  });

  it('is told of with its cause, at each other cause anew and at no length', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'unapproved', message: 'no policy applies' };
    await fixture.seen();
    await fixture.clock.advance(30_000);
    fixture.outcome = { outcome: 'unapproved', message: `not ready: ${'x'.repeat(30_000)}` };
    await fixture.clock.advance(60_000);
    await fixture.clock.advance(60_000);
    const [first = '', second = '', ...more] = fixture.notes;
    assert.equal(first, 'Not signing CertificateRequest until it is Approved: no policy applies');
    assert.match(second, /^Not signing CertificateRequest until it is Approved: not ready: x+$/);
    assert.ok(second.length <= 1024);
    assert.deepEqual(more, []);
    assert.deepEqual(fixture.lines, ['waits for approval', 'waits for approval']);
  });

  it('is looked at again when policies change, and less often each time for what nobody tells of', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'unapproved', message: 'no policy applies' };
    await fixture.seen();
    assert.equal(fixture.resolved, 1);
    fixture.controller.policiesChanged();
    await fixture.quiet();
    assert.equal(fixture.resolved, 2);
    await fixture.clock.advance(30_000);
    await fixture.quiet();
    const pauses: (number | undefined)[] = [];
    for (let look = 0; look < 5; look++) {
      pauses.push(fixture.clock.nextInMs);
      await fixture.clock.advance(fixture.clock.nextInMs ?? 0);
      await fixture.quiet();
    }
    assert.deepEqual(
      pauses,
      [60_000, 120_000, 240_000, 300_000, 300_000].map((ms) => ms * 0.75),
    );
    fixture.outcome = issued;
    await fixture.clock.advance(fixture.clock.nextInMs ?? 0);
    await fixture.quiet();
    assert.equal(fixture.statuses.length, 1);
  });

  it('is not looked at for what concerns another namespace', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'unapproved', message: 'no policy applies' };
    await fixture.seen();
    fixture.controller.policiesChanged('another');
    await fixture.quiet();
    assert.equal(fixture.resolved, 1);
    fixture.controller.policiesChanged('web');
    await fixture.quiet();
    assert.equal(fixture.resolved, 2);
  });

  it('is the only kind that a change of policies brings back', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = waiting;
    await fixture.seen(newRequest({ conditions: [condition('Approved', 'True', 'policy')] }));
    assert.equal(fixture.resolved, 1);
    fixture.controller.policiesChanged();
    await fixture.quiet();
    assert.equal(fixture.resolved, 1);
  });
});

describe("a request to another group's issuer", () => {
  const foreign = newRequest({ issuerRef: { name: 'ca', group: 'other.io' } });
  const verdict = { reason: 'policy.cert-manager.io', message: 'because' };

  it('gets the decision, and nothing that its own controller says', async (t) => {
    for (const decision of ['Approved', 'Denied'] as const) {
      const fixture = new Fixture(t);
      fixture.outcome = { outcome: 'decided', decision, verdict };
      await fixture.seen(foreign);
      assert.deepEqual(
        fixture.statuses.map(({ conditions }) => conditions?.map(({ type }) => type)),
        [[decision]],
      );
      assert.deepEqual(fixture.events, decision === 'Denied' ? ['Denied'] : []);
      assert.deepEqual(fixture.counted, decision === 'Denied' ? ['denied'] : []);
    }
  });

  it('waits, and is told why, where the decision is not for this controller', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'decided', decision: 'Approved', verdict };
    fixture.fail = new KubeError('invalid', 'needs the verb approve on signers');
    await fixture.seen(foreign);
    await fixture.clock.advance(30_000);
    await fixture.quiet();
    assert.deepEqual(fixture.errors, []);
    assert.deepEqual(fixture.notes, ['Not approved or denied here: needs the verb approve on signers']);
    fixture.fail = undefined;
    await fixture.clock.advance(fixture.clock.nextInMs ?? 0);
    await fixture.quiet();
    assert.equal(fixture.statuses.length, 1);
  });
});

describe('Events about requests', () => {
  it('tell of a failure and of a denial made here', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'problem', problem: 'InvalidRequest', message: 'garbage' };
    await fixture.seen();
    fixture.outcome = { outcome: 'denied', verdict: { reason: 'certmount.io', message: 'no' } };
    await fixture.seen(newRequest({ metadata: { uid: 'uid-2', resourceVersion: '2' } }));
    assert.deepEqual(fixture.events, ['InvalidRequest', 'Denied']);
    assert.deepEqual(fixture.counted, ['failed', 'denied']);
  });

  it('are not for a denial that another approver made', async (t) => {
    const fixture = new Fixture(t);
    fixture.outcome = { outcome: 'denied' };
    await fixture.seen(newRequest({ conditions: [condition('Denied', 'True', 'policy')] }));
    assert.deepEqual(fixture.events, []);
    assert.equal(fixture.statuses.length, 1);
  });
});
