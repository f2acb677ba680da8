import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AccessReviews } from '../../../../../src/controller/approval/policies/access-reviews.ts';
import { isKubeError } from '../../../../../src/kube/index.ts';
import type { Call, KubeClient } from '../../../../../src/kube/index.ts';
import { defaultPolicy, Policies } from '../../../../../src/policy/index.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { aPod, aPolicy, aRequest, known, surroundings } from '../../../policy/support/builders.ts';

const app = { username: 'system:serviceaccount:web:app', groups: ['system:authenticated'] };

class Fixture {
  readonly clock = new FakeClock();
  readonly asked: unknown[] = [];
  readonly counted: string[] = [];
  answer: () => Promise<{ status?: { allowed?: boolean; denied?: boolean; evaluationError?: string } }> =
    () => Promise.resolve({ status: { allowed: true } });
  readonly reviews = new AccessReviews(
    { keepMs: 1000, limit: 3 },
    {
      clock: this.clock,
      client: {
        request: ((call: Call) => {
          this.asked.push((JSON.parse(JSON.stringify(call.body)) as { spec: unknown }).spec);
          return this.answer();
        }) as KubeClient['request'],
      },
      metrics: { reviewed: (result) => void this.counted.push(result) },
    },
  );
}

describe('who may use a policy', () => {
  it('is asked as the verb "use" of the policy in the namespace', async () => {
    const { asked, counted, reviews } = new Fixture();
    assert.equal(await reviews.mayUse(app, 'web', 'shop'), true);
    assert.deepEqual(asked, [
      {
        user: app.username,
        groups: app.groups,
        resourceAttributes: {
          group: 'policy.cert-manager.io',
          resource: 'certificaterequestpolicies',
          name: 'web',
          namespace: 'shop',
          verb: 'use',
        },
      },
    ]);
    assert.deepEqual(counted, ['allowed']);
  });

  it('is asked for all that is known of a requester, because others than RBAC may go by it', async () => {
    const { asked, reviews } = new Fixture();
    const jane = { username: 'jane', groups: ['staff'], uid: 'u-1', extra: { scopes: ['a'] } };
    await reviews.mayUse(jane, 'p', 'web');
    await reviews.mayUse({ ...jane, extra: { scopes: ['b'] } }, 'p', 'web');
    const [first, second] = asked as { uid: string; extra: unknown }[];
    assert.deepEqual(
      [first?.uid, first?.extra, second?.extra],
      ['u-1', { scopes: ['a'] }, { scopes: ['b'] }],
    );
  });

  it('is asked once for all who ask at once, and again when the answer is old', async () => {
    const { asked, clock, reviews } = new Fixture();
    await Promise.all(Array.from({ length: 5 }, () => reviews.mayUse(app, 'p', 'web')));
    await clock.advance(999);
    await reviews.mayUse(app, 'p', 'web');
    assert.equal(asked.length, 1);
    await clock.advance(1);
    await reviews.mayUse(app, 'p', 'web');
    assert.equal(asked.length, 2);
  });

  it('is asked again after each no, which would outlive the grant that follows it', async () => {
    const fixture = new Fixture();
    fixture.answer = () => Promise.resolve({ status: { allowed: false } });
    const { asked, reviews } = fixture;
    const ask = (): Promise<boolean> => reviews.mayUse(app, 'p', 'web');
    assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [false, false, false]);
    assert.equal(asked.length, 1);
    fixture.answer = () => Promise.resolve({ status: { allowed: true } });
    assert.equal(await ask(), true);
    assert.equal(await ask(), true);
    assert.equal(asked.length, 2);
  });

  it('is another question for each subject, group, policy and namespace', async () => {
    const { asked, reviews } = new Fixture();
    await reviews.mayUse(app, 'p', 'web');
    await reviews.mayUse({ ...app, username: 'b' }, 'p', 'web');
    await reviews.mayUse({ ...app, groups: [] }, 'p', 'web');
    await reviews.mayUse(app, 'q', 'web');
    await reviews.mayUse(app, 'p', 'other');
    assert.equal(asked.length, 5);
  });

  it('keeps the answers that were used last, and no more than it may', async () => {
    const { asked, reviews } = new Fixture();
    for (const policy of ['a', 'b', 'c', 'a', 'd']) await reviews.mayUse(app, policy, 'web');
    assert.equal(asked.length, 4);
    await reviews.mayUse(app, 'a', 'web');
    assert.equal(asked.length, 4);
    await reviews.mayUse(app, 'b', 'web');
    assert.equal(asked.length, 5);
  });

  it('is no when the answer says so or says nothing, and neither yes nor no when there is none', async () => {
    const fixture = new Fixture();
    for (const answer of [{ status: { allowed: false } }, {}]) {
      fixture.answer = () => Promise.resolve(answer);
      assert.equal(await fixture.reviews.mayUse(app, JSON.stringify(answer), 'web'), false);
    }
    fixture.answer = () => Promise.reject(new Error('unavailable'));
    await assert.rejects(fixture.reviews.mayUse(app, 'p', 'web'), /unavailable/);
    fixture.answer = () => Promise.resolve({ status: { allowed: true } });
    assert.equal(await fixture.reviews.mayUse(app, 'p', 'web'), true);
    assert.deepEqual(fixture.counted, ['refused', 'refused', 'failed', 'allowed']);
  });

  it('is neither yes nor no when an authorizer could not say, however the server is told to take that', async () => {
    const fixture = new Fixture();
    for (const denied of [false, true]) {
      fixture.answer = () =>
        Promise.resolve({ status: { allowed: false, denied, evaluationError: 'webhook timed out' } });
      await assert.rejects(
        fixture.reviews.mayUse(app, 'p', 'web'),
        (error) => isKubeError(error, 'unavailable') && error.message.includes('webhook timed out'),
      );
    }
    fixture.answer = () => Promise.resolve({ status: { allowed: false, denied: true } });
    assert.equal(await fixture.reviews.mayUse(app, 'p', 'web'), false);
    fixture.answer = () =>
      Promise.resolve({ status: { allowed: true, evaluationError: 'webhook timed out' } });
    assert.equal(await fixture.reviews.mayUse(app, 'p', 'web'), true);
    assert.deepEqual(fixture.counted, ['failed', 'failed', 'refused', 'allowed']);
  });

  it('gives nobody the default policy instead of a narrower one that could not be asked about', async () => {
    const fixture = new Fixture();
    fixture.answer = () =>
      Promise.resolve({ status: { allowed: false, evaluationError: 'webhook timed out' } });
    const policies = new Policies(
      { surroundings },
      {
        list: () => [known(defaultPolicy), known(aPolicy({}, 'narrow'))],
        namespaceLabels: () => Promise.resolve({}),
        isBound: (...asked) => fixture.reviews.mayUse(...asked),
      },
    );
    const request = aRequest({ certificate: { altNames: { dnsNames: ['api.web'] } }, pod: aPod() });
    await assert.rejects(policies.decide(request), /webhook timed out/);
    fixture.answer = () => Promise.resolve({ status: { allowed: true } });
    assert.equal((await policies.decide(request)).decision, 'deny', 'the narrower one allows nothing');
    fixture.answer = () => Promise.resolve({ status: { allowed: false } });
    await fixture.clock.advance(1000);
    assert.equal((await policies.decide(request)).decision, 'approve', 'by the default one');
  });

  it('is not asked of nobody', async () => {
    const { asked, reviews } = new Fixture();
    assert.equal(await reviews.mayUse({ username: '', groups: [] }, 'p', 'web'), false);
    assert.deepEqual(asked, []);
  });
});
