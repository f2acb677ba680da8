import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../../src/api/core.ts';
import { EventRecorder } from '../../../../src/controller/events/event-recorder.ts';
import { settle, FakeClock } from '../../../support/fake-clock.ts';
import { newRequest } from '../builders.ts';

function newRecorder(options: { burst?: number; refillMs?: number; fail?: Error } = {}): {
  readonly clock: FakeClock;
  readonly written: Event[];
  readonly errors: unknown[];
  readonly recorder: EventRecorder;
} {
  const { fail, ...limits } = options;
  const clock = new FakeClock();
  const written: Event[] = [];
  const errors: unknown[] = [];
  const recorder = new EventRecorder(
    { reportingController: 'certmount.io/controller', reportingInstance: 'pod-1', ...limits },
    {
      clock,
      create: (event) => {
        written.push(event);
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

  it('have names that the API server takes also where the name of the object is not one', () => {
    const { recorder, written } = newRecorder();
    for (const name of ['node:csr:Jane', 'Jane', 'jane_doe', 'jane..doe', 'a.-b', '-'])
      recorder.record({ metadata: { name, uid: name } }, 'CertificateSigningRequest', 'Normal', 'x', 'y');
    for (const { metadata } of written) assert.match(metadata.name ?? '', /^[0-9a-f]{16}$/);
    assert.equal(new Set(written.map(({ metadata }) => metadata.name)).size, 6);
    assert.equal(written[0]?.regarding?.name, 'node:csr:Jane');
  });
});
