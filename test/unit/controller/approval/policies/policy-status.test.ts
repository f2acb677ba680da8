import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { CertificateRequestPolicy } from '../../../../../src/api/certificate-request-policy.ts';
import { getCondition } from '../../../../../src/api/condition.ts';
import type { Condition } from '../../../../../src/api/condition.ts';
import { PolicyStatus } from '../../../../../src/controller/approval/policies/policy-status.ts';
import { EventRecorder } from '../../../../../src/controller/events/event-recorder.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import { compile, defaultPolicyName, knownPolicy } from '../../../../../src/policy/index.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';

function policy(change: Partial<CertificateRequestPolicy['spec']> = {}): CertificateRequestPolicy {
  return {
    metadata: { name: 'web', uid: 'policy-1', generation: 2, resourceVersion: '7' },
    spec: { selector: { issuerRef: {} }, allowed: { dnsNames: { values: ['*.web'] } }, ...change },
  };
}

class Fixture {
  readonly clock = new FakeClock();
  readonly written: Condition[] = [];
  readonly notes: string[] = [];
  readonly created: (string | undefined)[] = [];
  present: CertificateRequestPolicy | undefined;
  served = true;
  fail: Error | undefined;
  readonly status: PolicyStatus;

  constructor(t: TestContext, { keepDefault = true } = {}) {
    const { clock } = this;
    this.status = new PolicyStatus(
      { keepDefault },
      {
        clock,
        random: () => 0.5,
        find: () => {
          const object = this.present;
          return object && { object, known: knownPolicy(object, compile(object)) };
        },
        writeStatus: (object, { conditions = [] }) => {
          if (this.fail) return Promise.reject(this.fail);
          this.written.push(...conditions);
          this.present = { ...object, status: { conditions } };
          return Promise.resolve();
        },
        create: ({ metadata }) => {
          if (this.fail) return Promise.reject(this.fail);
          if (this.served) this.created.push(metadata.name);
          return Promise.resolve(this.served);
        },
        events: new EventRecorder(
          { reportingController: 'c', reportingInstance: 'i' },
          {
            clock,
            create: (event) => Promise.resolve(this.notes.push(`${event.reason}: ${event.note ?? ''}`)),
            onError: () => {},
          },
        ),
        log: silentLogger,
      },
    );
    const stop = new AbortController();
    const ended = this.status.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  async touch(name = 'web'): Promise<void> {
    this.status.touch(name);
    for (let round = 0; round < 5; round++) await settle();
  }
}

describe('the Ready condition of a policy', () => {
  it('says that it can be used, of its generation, once', async (t) => {
    const fixture = new Fixture(t);
    fixture.present = policy();
    await fixture.touch();
    await fixture.touch();
    assert.deepEqual(fixture.written, [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Ready',
        message: 'CertificateRequestPolicy is ready for approval evaluation',
        observedGeneration: 2,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
    assert.deepEqual(fixture.notes, []);
  });

  it('says why it cannot, by field, and an Event says it too', async (t) => {
    const fixture = new Fixture(t);
    fixture.present = policy({
      allowed: { dnsNames: { validations: [{ rule: 'self.(' }] } },
      plugins: { rego: {} },
    });
    await fixture.touch();
    const ready = getCondition(fixture.written, 'Ready');
    assert.equal(ready?.status, 'False');
    assert.equal(ready.reason, 'NotReady');
    assert.match(
      ready.message ?? '',
      /^CertificateRequestPolicy is not ready for approval evaluation: .*rego/,
    );
    assert.match(ready.message ?? '', /spec\.allowed\.dnsNames\.validations/);
    assert.equal(fixture.notes.length, 1);
    assert.match(fixture.notes[0] ?? '', /^NotReady: CertificateRequestPolicy is not ready/);
  });

  it('is written anew for another generation', async (t) => {
    const fixture = new Fixture(t);
    fixture.present = policy();
    await fixture.touch();
    const { metadata, ...rest } = fixture.present;
    fixture.present = { ...rest, metadata: { ...metadata, generation: 3 } };
    await fixture.touch();
    assert.deepEqual(
      fixture.written.map(({ observedGeneration }) => observedGeneration),
      [2, 3],
    );
  });

  it('is left to another writer who changes it back each time, until the policy changes', async (t) => {
    const fixture = new Fixture(t);
    const changeBack = (generation: number): void => {
      const { metadata, ...rest } = policy();
      const ready = {
        type: 'Ready',
        status: 'False',
        reason: 'Theirs',
        observedGeneration: generation,
      } as const;
      fixture.present = { ...rest, metadata: { ...metadata, generation }, status: { conditions: [ready] } };
    };
    for (let time = 0; time < 10; time++) {
      changeBack(2);
      await fixture.touch();
    }
    assert.equal(fixture.written.length, 3);
    changeBack(3);
    await fixture.touch();
    assert.equal(fixture.written.length, 4);
  });

  it('is left to the next change when another writer was faster', async (t) => {
    const fixture = new Fixture(t);
    fixture.present = policy();
    fixture.fail = new KubeError('conflict', 'changed');
    await fixture.touch();
    fixture.fail = undefined;
    await fixture.clock.advance(600_000);
    assert.deepEqual(fixture.written, []);
  });

  it('is tried again when the API server is away', async (t) => {
    const fixture = new Fixture(t);
    fixture.present = policy();
    fixture.fail = new KubeError('unavailable', 'away');
    await fixture.touch();
    fixture.fail = undefined;
    await fixture.clock.advance(1_000);
    assert.equal(fixture.written.length, 1);
  });
});

describe('the default policy', () => {
  it('is made where it is missing, and no other', async (t) => {
    const fixture = new Fixture(t);
    await fixture.touch('web');
    await fixture.touch(defaultPolicyName);
    assert.deepEqual(fixture.created, [defaultPolicyName]);
  });

  it('is not made where nobody wants it', async (t) => {
    const fixture = new Fixture(t, { keepDefault: false });
    await fixture.touch(defaultPolicyName);
    assert.deepEqual(fixture.created, []);
  });

  it('is made as soon as the cluster has such a kind', async (t) => {
    const fixture = new Fixture(t);
    fixture.served = false;
    await fixture.touch(defaultPolicyName);
    fixture.served = true;
    await fixture.clock.advance(15_000);
    assert.deepEqual(fixture.created, [defaultPolicyName]);
  });

  it('may have been made by somebody else meanwhile', async (t) => {
    const fixture = new Fixture(t);
    fixture.fail = new KubeError('already-exists', 'there');
    await fixture.touch(defaultPolicyName);
    fixture.fail = undefined;
    await fixture.clock.advance(600_000);
    assert.deepEqual(fixture.created, []);
  });
});
