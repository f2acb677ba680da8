import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type {
  PodCertificateRequest,
  PodCertificateRequestStatus,
} from '../../../../src/api/pod-certificate-request.ts';
import { EventRecorder } from '../../../../src/controller/events/event-recorder.ts';
import { PodCertificateController } from '../../../../src/controller/pod-certificates/pod-certificate-controller.ts';
import { PodCertificateMetrics } from '../../../../src/controller/pod-certificates/pod-certificate-metrics.ts';
import type { PodCertificateOutcome } from '../../../../src/controller/pod-certificates/pod-certificate-outcome.ts';
import { KubeError } from '../../../../src/kube/index.ts';
import { parseCertificate, publicKeyOf } from '../../../../src/pki/index.ts';
import type { CertificateTemplate } from '../../../../src/pki/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { Metrics } from '../../../../src/runtime/metrics.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { newCa, newKey, now } from '../builders.ts';
import { issuedStatus, newLeaf, newPodCertificateRequest } from './builders.ts';

const hour = 3_600_000;
const denied: PodCertificateOutcome = { outcome: 'denied', reason: 'PolicyDenied', message: 'no' };
const missing: PodCertificateOutcome = { outcome: 'waiting', reason: 'IssuerNotFound', message: 'gone' };
const unsigned: PodCertificateOutcome = { outcome: 'waiting', reason: 'SigningError', message: 'away' };

const key = await newKey();
const ca = await newCa();

async function issued(
  template: Partial<CertificateTemplate> = {},
): Promise<Extract<PodCertificateOutcome, { outcome: 'issued' }>> {
  const pem = await newLeaf(ca, key, template);
  const issuer = { kind: 'ClusterIssuer', name: 'mesh-ca' } as const;
  const leaf = parseCertificate(pem);
  return { outcome: 'issued', status: issuedStatus(pem), leaf, issuer, policy: 'p', signedAt: now };
}

/** A controller over one request; `outcome` is what comes of it now, `fail` what the next status write ends with. */
class Fixture {
  readonly clock = new FakeClock();
  readonly statuses: PodCertificateRequestStatus[] = [];
  readonly told: string[] = [];
  readonly log: Record<string, unknown>[] = [];
  readonly metrics = new Metrics();
  readonly controller: PodCertificateController;
  request: PodCertificateRequest;
  outcome: PodCertificateOutcome;
  fail: Error | undefined;
  /** What the API server has by now. */
  present: PodCertificateRequest | undefined;
  failResolving: Error | undefined;
  resolved = 0;

  constructor(t: TestContext, request: PodCertificateRequest, outcome: PodCertificateOutcome) {
    this.request = request;
    this.outcome = outcome;
    const events = new EventRecorder(
      { reportingController: 'c', reportingInstance: 'i' },
      {
        clock: this.clock,
        create: ({ reason, regarding }) =>
          Promise.resolve(
            this.told.push(`${reason} ${regarding?.kind} ${regarding?.name} ${regarding?.uid}`),
          ),
        onError: () => {},
      },
    );
    const write = (fields: object): void => void this.log.push({ ...fields });
    this.controller = new PodCertificateController(
      { workers: 2 },
      {
        clock: this.clock,
        random: () => 0,
        find: () => this.request,
        resolve: () => {
          this.resolved += 1;
          return this.failResolving ? Promise.reject(this.failResolving) : Promise.resolve(this.outcome);
        },
        writeStatus: async (_, status) => {
          await settle();
          if (this.fail) throw this.fail;
          this.statuses.push(status);
        },
        read: () => Promise.resolve(this.present),
        events,
        metrics: new PodCertificateMetrics(this.metrics),
        log: { ...silentLogger, info: write, warn: write },
      },
    );
    const stop = new AbortController();
    const ended = this.controller.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  static async start(t: TestContext, outcome: PodCertificateOutcome): Promise<Fixture> {
    return new Fixture(t, await newPodCertificateRequest({ key }), outcome);
  }

  async seen(): Promise<void> {
    this.controller.onChange({ type: 'modified', object: this.request, previous: this.request });
    await this.clock.advance(0);
    for (let round = 0; round < 5; round++) await settle();
  }

  async counts(line: string): Promise<boolean> {
    return (await this.metrics.text()).split('\n').includes(line);
  }
}

describe('a PodCertificateRequest', () => {
  it('is answered by one write, however often the watch tells of it before it tells of that', async (t) => {
    const fixture = await Fixture.start(t, await issued());
    await fixture.seen();
    await fixture.seen();
    assert.equal(fixture.statuses.length, 1);
    assert.ok(await fixture.counts('certmount_controller_pod_certificates_total{outcome="issued"} 1'));
    fixture.request = { ...fixture.request, status: fixture.statuses[0] ?? {} };
    await fixture.seen();
    assert.equal(fixture.controller.open, 0);
    assert.ok(await fixture.counts('certmount_controller_open_pod_certificate_requests 0'));
  });

  it('has who got what in the log, and no key', async (t) => {
    const fixture = await Fixture.start(t, await issued());
    await fixture.seen();
    const [line] = fixture.log;
    const { issuer, node, pod, policy, podUid, serviceAccount } = line ?? {};
    assert.deepEqual(
      [pod, podUid, serviceAccount, node, issuer, policy],
      ['web/api-0', 'pod-uid-1', 'web/api', 'node-a', 'ClusterIssuer/mesh-ca', 'p'],
    );
    assert.ok(!JSON.stringify(fixture.log).includes('BEGIN'));
  });

  it('is denied with nothing but the condition', async (t) => {
    const fixture = await Fixture.start(t, denied);
    await fixture.seen();
    assert.deepEqual(fixture.statuses, [
      {
        conditions: [
          {
            type: 'Denied',
            status: 'True',
            reason: 'PolicyDenied',
            message: 'no',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ],
      },
    ]);
    assert.ok(await fixture.counts('certmount_controller_pod_certificates_total{outcome="denied"} 1'));
  });

  it('is denied in few words, wherever they are said and however much its author has written', async (t) => {
    const fixture = await Fixture.start(t, { ...denied, message: 'x'.repeat(250_000) });
    await fixture.seen();
    assert.equal(fixture.statuses[0]?.conditions?.[0]?.message?.length, 4096);
    assert.ok(JSON.stringify(fixture.log).length < 5000);
  });

  for (const [what, template, reason] of [
    ['lives less than an hour', { notAfter: new Date(now + hour / 2) }, 'LifetimeTooShort'],
    ['lives longer than was asked for', { notAfter: new Date(now + 48 * hour) }, 'UnexpectedCertificate'],
    ['begins at another time', { notBefore: new Date(now - hour) }, 'ClockSkew'],
  ] as const)
    it(`is not answered with a certificate that ${what}, and its pod is told`, async (t) => {
      const fixture = await Fixture.start(t, await issued(template));
      await fixture.seen();
      assert.equal(fixture.statuses.length, 0);
      assert.deepEqual(fixture.told, [`${reason} Pod api-0 pod-uid-1`]);
    });

  it('is not answered with a certificate for another key', async (t) => {
    const fixture = await Fixture.start(t, await issued({ publicKey: publicKeyOf(await newKey()) }));
    await fixture.seen();
    assert.deepEqual(fixture.told, ['UnexpectedCertificate Pod api-0 pod-uid-1']);
  });

  it('is tried again when the API server refuses the answer, and its pod is told why', async (t) => {
    for (const [field, reason] of [
      ['status.notBefore', 'ClockSkew'],
      ['spec.signerName', 'RefusedByServer'],
    ] as const) {
      const fixture = await Fixture.start(t, await issued());
      fixture.fail = new KubeError('invalid', 'no', { status: 422, details: { causes: [{ field }] } });
      await fixture.seen();
      assert.deepEqual(fixture.told, [`${reason} Pod api-0 pod-uid-1`]);
      assert.ok(
        await fixture.counts(`certmount_controller_pod_certificate_waits_total{reason="${reason}"} 1`),
      );
      fixture.fail = undefined;
      await fixture.clock.advance(1000);
      for (let round = 0; round < 5; round++) await settle();
      assert.equal(fixture.statuses.length, 1);
    }
  });

  it('is not given up when an API server knows nothing of its version any more', async (t) => {
    const fixture = await Fixture.start(t, await issued());
    fixture.fail = new KubeError('not-found', '404', { status: 404 });
    await fixture.seen();
    assert.equal(fixture.clock.pending, 1);
    fixture.fail = new KubeError('not-found', '404', { status: 404, details: { name: 'req-1' } });
    await fixture.clock.advance(1000);
    for (let round = 0; round < 5; round++) await settle();
    assert.equal(fixture.clock.pending, 0, 'but a request that is gone is left to the watch');
  });

  it('that waits for its issuer is brought back by the issuer and by nothing else', async (t) => {
    const fixture = await Fixture.start(t, missing);
    await fixture.seen();
    assert.deepEqual(fixture.told, ['IssuerNotFound Pod api-0 pod-uid-1']);
    assert.deepEqual([fixture.statuses.length, fixture.clock.pending], [0, 0]);
    fixture.controller.issuerKnown({ kind: 'ClusterIssuer', name: 'other' });
    await fixture.clock.advance(3_600_000);
    assert.equal(fixture.resolved, 1, 'nothing polls');
    fixture.outcome = await issued();
    fixture.controller.issuerKnown({ kind: 'ClusterIssuer', name: 'mesh-ca' });
    await fixture.clock.advance(0);
    await settle();
    assert.equal(fixture.statuses.length, 1);
  });

  it('that cannot be signed now is tried again, less often each time, and never failed', async (t) => {
    const fixture = await Fixture.start(t, unsigned);
    await fixture.seen();
    const pauses: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      pauses.push(fixture.clock.nextInMs);
      await fixture.clock.advance(fixture.clock.nextInMs ?? 0);
      await settle();
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    assert.deepEqual([fixture.statuses.length, fixture.told.length], [0, 1]);
    assert.ok(
      await fixture.counts('certmount_controller_pod_certificate_waits_total{reason="SigningError"} 10'),
    );
  });

  it('is looked at again when its wait ends, however long the pauses have become', async (t) => {
    const until = now + 30_000;
    const wait = { outcome: 'waiting', reason: 'NotAllowedYet', message: '' } as const;
    const fixture = await Fixture.start(t, { ...wait, until });
    await fixture.seen();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const pause = fixture.clock.nextInMs ?? 0;
      pauses.push(pause);
      if (attempt === 4) fixture.outcome = denied;
      await fixture.clock.advance(pause);
      for (let round = 0; round < 5; round++) await settle();
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 15_000]);
    assert.equal(fixture.statuses[0]?.conditions?.[0]?.type, 'Denied');
  });

  it('is looked at anew when the policies change', async (t) => {
    const fixture = await Fixture.start(t, { outcome: 'waiting', reason: 'NoPolicy', message: '' });
    await fixture.seen();
    fixture.outcome = denied;
    fixture.controller.policiesChanged();
    await fixture.clock.advance(0);
    await settle();
    await settle();
    assert.equal(fixture.statuses.length, 1);
  });

  it('of another writer is left to the watch, and a failed write is tried again', async (t) => {
    const fixture = await Fixture.start(t, denied);
    fixture.fail = new KubeError('conflict', 'changed');
    await fixture.seen();
    assert.equal(fixture.clock.pending, 0);
    fixture.fail = new KubeError('unavailable', 'away');
    await fixture.seen();
    assert.ok(await fixture.counts('certmount_controller_pod_certificate_errors_total 1'));
    fixture.fail = undefined;
    await fixture.clock.advance(1000);
    for (let round = 0; round < 5; round++) await settle();
    assert.equal(fixture.statuses.length, 1);
  });

  it('is counted and in the log when it was answered, though the first answer to the write was lost', async (t) => {
    const outcome = await issued();
    const fixture = await Fixture.start(t, outcome);
    fixture.fail = new KubeError('conflict', 'changed');
    fixture.present = { ...fixture.request, status: outcome.status };
    await fixture.seen();
    assert.ok(await fixture.counts('certmount_controller_pod_certificates_total{outcome="issued"} 1'));
    assert.deepEqual(
      fixture.log.map(({ serialNumber }) => serialNumber),
      [outcome.leaf.serialNumber],
    );
    const other = await Fixture.start(t, outcome);
    other.fail = fixture.fail;
    other.present = { ...other.request, status: (await issued()).status };
    await other.seen();
    assert.deepEqual([other.log, other.clock.pending], [[], 0], 'another one is not ours');
  });

  it('is neither denied nor given up while nobody can say which policies its pod may use', async (t) => {
    const fixture = await Fixture.start(t, denied);
    fixture.failResolving = new KubeError('unavailable', 'an authorizer gave no answer');
    await fixture.seen();
    assert.deepEqual([fixture.statuses.length, fixture.clock.pending], [0, 1]);
    fixture.failResolving = undefined;
    fixture.outcome = await issued();
    await fixture.clock.advance(1000);
    for (let round = 0; round < 5; round++) await settle();
    assert.equal(fixture.statuses[0]?.conditions?.[0]?.type, 'Issued');
  });

  it('of another signer is none of our business, and one that is deleted is forgotten', async (t) => {
    const foreign = await newPodCertificateRequest({ signerName: 'example.com/certmount.io' });
    const fixture = new Fixture(t, foreign, denied);
    await fixture.seen();
    assert.deepEqual([fixture.resolved, fixture.controller.open], [0, 0]);
    const waiting = await Fixture.start(t, unsigned);
    await waiting.seen();
    waiting.controller.onChange({ type: 'deleted', object: waiting.request });
    assert.deepEqual([waiting.controller.open, waiting.clock.pending], [0, 0]);
  });
});
