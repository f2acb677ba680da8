import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestStatus,
} from '../../../../src/api/certificate-signing-request.ts';
import { EventRecorder } from '../../../../src/controller/events/event-recorder.ts';
import { SigningRequestController } from '../../../../src/controller/signing-requests/signing-request-controller.ts';
import { SigningRequestMetrics } from '../../../../src/controller/signing-requests/signing-request-metrics.ts';
import type { SigningRequestOutcome } from '../../../../src/controller/signing-requests/resolve-signing-request.ts';
import { KubeError } from '../../../../src/kube/index.ts';
import type { ObjectKey } from '../../../../src/kube/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { Metrics } from '../../../../src/runtime/metrics.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';

const issued: SigningRequestOutcome = { outcome: 'issued', certificate: 'leaf', note: 'done' };
const secret = { namespace: 'web', name: 'key' };
const noSecret: SigningRequestOutcome = {
  outcome: 'waiting',
  reason: 'SecretNotFound',
  message: 'none',
  until: secret,
};

/** A controller over one request; `outcome` is what comes of it now, `fail` what the next status write ends with. */
class Fixture {
  readonly clock = new FakeClock();
  readonly statuses: CertificateSigningRequestStatus[] = [];
  readonly told: string[] = [];
  readonly awaited: (ObjectKey | undefined)[] = [];
  request: CertificateSigningRequest = {
    metadata: { name: 'csr-1', uid: 'uid-1', resourceVersion: '1' },
    spec: { request: '', signerName: 'clusterissuers.cert-manager.io/ca', username: 'jane' },
    status: { conditions: [{ type: 'Approved', status: 'True' }] },
  };
  outcome: SigningRequestOutcome;
  fail: Error | undefined;
  /** What the API server has by now. */
  present: CertificateSigningRequest | undefined;
  resolved = 0;
  hasRoom = true;
  whileResolving: (() => void) | undefined;
  readonly controller: SigningRequestController;

  constructor(t: TestContext, outcome: SigningRequestOutcome) {
    this.outcome = outcome;
    this.controller = new SigningRequestController({
      clock: this.clock,
      random: () => 0,
      find: () => this.request,
      resolve: () => {
        this.resolved += 1;
        this.whileResolving?.();
        return Promise.resolve(this.outcome);
      },
      writeStatus: async (_, status) => {
        await settle();
        if (this.fail) throw this.fail;
        this.statuses.push(status);
      },
      read: () => Promise.resolve(this.present),
      awaitSecret: (_, key) => {
        this.awaited.push(key);
        return this.hasRoom;
      },
      events: new EventRecorder(
        { reportingController: 'c', reportingInstance: 'i' },
        {
          clock: this.clock,
          create: ({ reason, note }) => Promise.resolve(this.told.push(`${reason}: ${note}`)),
          onError: () => {},
        },
      ),
      metrics: new SigningRequestMetrics(new Metrics()),
      log: silentLogger,
    });
    const stop = new AbortController();
    const ended = this.controller.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  async seen(type: 'modified' | 'deleted' = 'modified'): Promise<void> {
    const { request: object } = this;
    this.controller.onChange(type === 'deleted' ? { type, object } : { type, object, previous: object });
    await this.#worked();
  }

  async secretChanged(): Promise<void> {
    this.controller.secretChanged('csr-1');
    await this.#worked();
  }

  async issuerKnown(name = 'ca'): Promise<void> {
    this.controller.issuerKnown({ kind: 'ClusterIssuer', name });
    await this.#worked();
  }

  async #worked(): Promise<void> {
    await this.clock.advance(0);
    for (let round = 0; round < 5; round++) await settle();
  }
}

describe('a CertificateSigningRequest', () => {
  it('is answered by one write, however often somebody looks before the watch tells of that', async (t) => {
    const fixture = new Fixture(t, issued);
    await fixture.seen();
    await fixture.issuerKnown();
    await fixture.seen();
    assert.deepEqual(
      fixture.statuses.map(({ certificate }) => certificate),
      [Buffer.from('leaf').toString('base64')],
    );
    assert.deepEqual(fixture.told, ['CertificateIssued: done']);
  });

  it('that waits for a Secret goes on with that Secret, and polls for nothing', async (t) => {
    const fixture = new Fixture(t, noSecret);
    await fixture.seen();
    assert.deepEqual([fixture.awaited, fixture.clock.pending], [[secret], 0]);
    fixture.outcome = issued;
    await fixture.secretChanged();
    assert.equal(fixture.statuses.length, 1);
    await fixture.seen('deleted');
    assert.equal(fixture.awaited.at(-1), undefined, 'and wants it no more');
  });

  it('that is deleted while somebody looks at it waits for nothing', async (t) => {
    const fixture = new Fixture(t, noSecret);
    fixture.whileResolving = () => fixture.controller.onChange({ type: 'deleted', object: fixture.request });
    await fixture.seen();
    assert.deepEqual(fixture.awaited, [undefined]);
  });

  it('is looked at again, less often each time, where no watch ends the wait', async (t) => {
    const fixture = new Fixture(t, noSecret);
    fixture.hasRoom = false;
    await fixture.seen();
    const pauses: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      pauses.push(fixture.clock.nextInMs);
      await fixture.clock.advance(fixture.clock.nextInMs ?? 0);
      await settle();
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('that waits for its issuer is brought back by that one', async (t) => {
    const fixture = new Fixture(t, { outcome: 'waiting', reason: 'IssuerNotReady', message: 'no' });
    await fixture.seen();
    fixture.outcome = issued;
    await fixture.issuerKnown('other');
    assert.equal(fixture.resolved, 1);
    await fixture.issuerKnown();
    assert.equal(fixture.statuses.length, 1);
  });

  it('fails with a condition beside those that it has', async (t) => {
    const fixture = new Fixture(t, { outcome: 'failed', reason: 'InvalidDuration', message: 'too short' });
    await fixture.seen();
    const types = fixture.statuses[0]?.conditions?.map(({ type, reason }) => [type, reason]);
    assert.deepEqual(types, [
      ['Approved', undefined],
      ['Failed', 'InvalidDuration'],
    ]);
  });

  it('that was answered is told of, though the first answer to the write was lost', async (t) => {
    const certificate = Buffer.from('leaf').toString('base64');
    for (const [theirs, told] of [
      [certificate, ['CertificateIssued: done']],
      ['other', []],
    ] as const) {
      const fixture = new Fixture(t, issued);
      fixture.fail = new KubeError('conflict', 'changed');
      const { request } = fixture;
      fixture.present = { ...request, status: { ...request.status, certificate: theirs } };
      await fixture.seen();
      assert.deepEqual([fixture.told, fixture.clock.pending], [told, 0]);
    }
  });

  it('of another writer is left to the watch, and a failed write is tried again', async (t) => {
    const fixture = new Fixture(t, issued);
    fixture.fail = new KubeError('conflict', 'changed');
    await fixture.seen();
    assert.equal(fixture.clock.pending, 0);
    fixture.fail = new KubeError('unavailable', 'away');
    await fixture.seen();
    fixture.fail = undefined;
    await fixture.clock.advance(1000);
    for (let round = 0; round < 5; round++) await settle();
    assert.equal(fixture.statuses.length, 1);
  });
});
