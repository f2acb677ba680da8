import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../../src/api/core.ts';
import { PodEvents } from '../../../../src/driver/volume/pod-events.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { minute, pod } from '../support/builders.ts';

function setUp(create: (event: Event) => Promise<Event> = async (event) => event) {
  const clock = new FakeClock();
  const events: Event[] = [];
  let number = 0;
  const told = new PodEvents(
    { nodeName: 'n'.repeat(200), driverName: 'csi.certmount.io' },
    {
      events: {
        create: async (event) => {
          events.push(event);
          return create(event);
        },
      },
      clock,
      randomHex: () => `h${++number}`,
      log: silentLogger,
    },
  );
  return { clock, events, told };
}

describe('an Event on a pod', () => {
  it('is one that kubectl describe shows', () => {
    const { events, told } = setUp();
    told.warn(pod, 'CertificateRenewalFailed', 'out of ink');
    assert.deepEqual(events, [
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'api-0.h1', namespace: 'web' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'csi.certmount.io',
        reportingInstance: 'n'.repeat(128),
        action: 'Issue',
        type: 'Warning',
        reason: 'CertificateRenewalFailed',
        note: 'out of ink',
        regarding: { apiVersion: 'v1', kind: 'Pod', name: 'api-0', namespace: 'web', uid: 'pod-uid-1' },
      },
    ]);
  });

  it('keeps within the limits of names and notes', () => {
    const { events, told } = setUp();
    told.warn(
      { ...pod, name: `${'a'.repeat(229)}.${'b'.repeat(20)}` },
      'CertificateExpired',
      'x'.repeat(5_000),
    );
    const [event] = events;
    assert.equal(event?.metadata.name, `${'a'.repeat(229)}.h1`);
    assert.equal(event?.note, `${'x'.repeat(1_021)}…`);
  });

  it('is told once in five minutes for the same reason', async () => {
    const { clock, events, told } = setUp();
    told.warn(pod, 'CertificateExpired', '1');
    told.warn(pod, 'CertificateRenewalFailed', '2');
    told.warn({ ...pod, uid: 'other' }, 'CertificateExpired', '3');
    told.warn(pod, 'CertificateExpired', '4');
    await clock.advance(5 * minute - 1);
    told.warn(pod, 'CertificateExpired', '5');
    await clock.advance(1);
    told.warn(pod, 'CertificateExpired', '6');
    assert.deepEqual(
      events.map((event) => event.note),
      ['1', '2', '3', '6'],
    );
  });

  it('is not told less often because the wall clock was set back', async () => {
    const { clock, events, told } = setUp();
    told.warn(pod, 'CertificateExpired', '1');
    clock.setWall(clock.now() - 24 * 60 * minute);
    await clock.advance(6 * minute);
    told.warn(pod, 'CertificateExpired', '2');
    assert.equal(events.length, 2);
  });

  it('is remembered for a thousand pods, not for all that ever were', async () => {
    const { events, told } = setUp();
    for (let number = 0; number < 1_001; number++) {
      told.warn({ ...pod, uid: `u${number}` }, 'CertificateExpired', '');
      await settle();
    }
    told.warn({ ...pod, uid: 'u1000' }, 'CertificateExpired', '');
    assert.equal(events.length, 1_001);
    told.warn({ ...pod, uid: 'u0' }, 'CertificateExpired', '');
    assert.equal(events.length, 1_002, 'the oldest made way');
  });

  it('takes two connections at most, and is dropped when the API server is too slow', async () => {
    const slow: ((event: Event) => void)[] = [];
    const { events, told } = setUp(() => new Promise((resolve) => slow.push(resolve)));
    for (let number = 0; number < 100; number++)
      told.warn({ ...pod, uid: `u${number}` }, 'CertificateExpired', '');
    await settle();
    assert.equal(events.length, 2);
    for (let number = 0; number < 60; number++) {
      for (const event of events.slice(-1)) slow.shift()?.(event);
      await settle();
    }
    assert.equal(events.length, 52, 'the rest was dropped');
    told.warn({ ...pod, uid: 'u99' }, 'CertificateExpired', '');
    assert.equal(events.length, 53, 'and may be told later');
  });

  it("that cannot be created is nobody's trouble", async () => {
    const { told } = setUp(async () => {
      throw new Error('away');
    });
    told.warn(pod, 'CertificateExpired', '');
    await new Promise((resolve) => setImmediate(resolve));
  });
});
