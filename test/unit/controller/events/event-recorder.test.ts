import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../../src/api/core.ts';
import { EventRecorder } from '../../../../src/controller/events/event-recorder.ts';
import { settle, FakeClock } from '../../../support/fake-clock.ts';
import { newRequest } from '../builders.ts';

function newRecorder(options: { burst?: number; refillMs?: number; fail?: Error; hang?: boolean } = {}): {
  readonly clock: FakeClock;
  readonly written: Event[];
  readonly errors: unknown[];
  readonly recorder: EventRecorder;
} {
  const { fail, hang = false, ...limits } = options;
  const clock = new FakeClock();
  const written: Event[] = [];
  const errors: unknown[] = [];
  const recorder = new EventRecorder(
    { reportingController: 'certmount.io/controller', reportingInstance: 'pod-1', ...limits },
    {
      clock,
      create: (event) => {
        written.push(event);
        if (hang) return new Promise(() => {});
        return fail ? Promise.reject(fail) : Promise.resolve();
      },
      onError: (error) => void errors.push(error),
    },
  );
  return { clock, written, errors, recorder };
}

describe('Events', () => {
  it('are about the object and say why', () => {
    const { recorder, written } = newRecorder();
    recorder.record(newRequest(), 'CertificateRequest', 'Warning', 'InvalidRequest', 'garbage');
    const [event] = written;
    assert.ok(event);
    const { metadata, ...rest } = event;
    assert.match(metadata.name ?? '', /^request\.[0-9a-f]{16}$/);
    assert.equal(metadata.namespace, 'web');
    assert.deepEqual(rest, {
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'certmount.io/controller',
      reportingInstance: 'pod-1',
      action: 'InvalidRequest',
      reason: 'InvalidRequest',
      note: 'garbage',
      type: 'Warning',
      regarding: {
        apiVersion: 'cert-manager.io/v1',
        kind: 'CertificateRequest',
        namespace: 'web',
        name: 'request',
        uid: 'uid-1',
      },
    });
  });

  it('of cluster-scoped objects go where the API server takes them', () => {
    const { recorder, written } = newRecorder();
    recorder.record(
      { metadata: { name: 'ca', uid: 'u' } },
      'ClusterIssuer',
      'Warning',
      'ErrGetKeyPair',
      'gone',
    );
    assert.equal(written[0]?.metadata.namespace, 'default');
    assert.equal(written[0].regarding?.namespace, undefined);
  });

  it('are said once, by this process and by the next', () => {
    const [first, second] = [newRecorder(), newRecorder()];
    for (const { recorder } of [first, first, second]) {
      recorder.record(newRequest(), 'CertificateRequest', 'Normal', 'IssuerNotFound', 'gone');
    }
    assert.equal(first.written.length, 1);
    assert.equal(first.written[0]?.metadata.name, second.written[0]?.metadata.name);
    first.recorder.record(newRequest(), 'CertificateRequest', 'Normal', 'IssuerNotFound', 'still gone');
    assert.equal(first.written.length, 2);
  });

  it('are dropped beyond a burst, until time has passed', async () => {
    const { recorder, written, clock } = newRecorder({ burst: 2, refillMs: 1000 });
    const record = (count: number): void => {
      for (let n = 0; n < count; n++) {
        const request = newRequest({ metadata: { uid: `uid-${written.length}-${n}` } });
        recorder.record(request, 'CertificateRequest', 'Warning', 'x', 'y');
      }
    };
    record(10);
    assert.equal(written.length, 2);
    await clock.advance(1500);
    record(10);
    assert.equal(written.length, 3);
    clock.setWall(0);
    record(10);
    assert.equal(written.length, 3);
  });

  it('are written four at once and wait in small numbers, however slow the API server is', async () => {
    const { clock, recorder, written } = newRecorder({ burst: 1000, hang: true });
    const record = (uid: string): void =>
      recorder.record(newRequest({ metadata: { uid } }), 'CertificateRequest', 'Warning', 'x', 'y');
    for (let n = 0; n < 100; n++) record(`uid-${n}`);
    await clock.advance(60_000);
    assert.equal(written.length, 4);
  });

  it('that wait for others are written after them', async () => {
    const { recorder, written } = newRecorder();
    for (let n = 0; n < 10; n++) {
      const request = newRequest({ metadata: { uid: `uid-${n}` } });
      recorder.record(request, 'CertificateRequest', 'Warning', 'x', 'y');
    }
    await settle();
    assert.deepEqual(
      written.map(({ regarding }) => regarding?.uid),
      Array.from({ length: 10 }, (_, n) => `uid-${n}`),
    );
  });

  it('that fail to be written stop nobody', async () => {
    const { recorder, errors } = newRecorder({ fail: new Error('forbidden') });
    recorder.record(newRequest(), 'CertificateRequest', 'Warning', 'x', 'y');
    await settle();
    assert.equal(errors.length, 1);
  });

  it('have names and notes that the API server takes', () => {
    const { recorder, written } = newRecorder();
    const name = `${'a'.repeat(229)}-${'b'.repeat(20)}`;
    recorder.record(
      newRequest({ metadata: { name } }),
      'CertificateRequest',
      'Warning',
      'x',
      'y'.repeat(5000),
    );
    const [event] = written;
    assert.match(event?.metadata.name ?? '', /^a{229}\.[0-9a-f]{16}$/);
    assert.equal(event?.note, `${'y'.repeat(1021)}…`);
  });

  it('have names that the API server takes also where the name of the object is not one', async () => {
    const { recorder, written } = newRecorder();
    for (const name of ['node:csr:Jane', 'Jane', 'jane_doe', 'jane..doe', 'a.-b', '-'])
      recorder.record({ metadata: { name, uid: name } }, 'CertificateSigningRequest', 'Normal', 'x', 'y');
    await settle();
    for (const { metadata } of written) assert.match(metadata.name ?? '', /^[0-9a-f]{16}$/);
    assert.equal(new Set(written.map(({ metadata }) => metadata.name)).size, 6);
    assert.equal(written[0]?.regarding?.name, 'node:csr:Jane');
  });
});
