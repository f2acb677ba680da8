import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequestPolicySpec } from '../../../src/api/certificate-request-policy.ts';
import {
  compile,
  defaultPolicy,
  type KnownPolicy,
  knownPolicy,
  Policies,
  type PolicyDecision,
  type PolicyRequest,
} from '../../../src/policy/index.ts';
import { aPod, aPolicy, aRequest, known, surroundings } from './support/builders.ts';

interface World {
  readonly policies: readonly KnownPolicy[];
  /** Names of policies that everybody may use; all of them without it. */
  readonly bound?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

const asked = { altNames: { dnsNames: ['api.web'] } };
const request = aRequest({ certificate: asked });
const ofPod = aRequest({ certificate: asked, pod: aPod() });
const allowing = { allowed: { dnsNames: { values: ['*.web'] } } };

function decide({ bound, labels, policies }: World, of: PolicyRequest = request): Promise<PolicyDecision> {
  return new Policies(
    { surroundings },
    {
      list: () => policies,
      isBound: (_, name) => Promise.resolve(bound === undefined || bound.includes(name)),
      namespaceLabels: () => Promise.resolve(labels),
    },
  ).decide(of);
}

async function applies(
  spec: Partial<CertificateRequestPolicySpec>,
  world: Partial<World> = {},
): Promise<boolean> {
  const { decision } = await decide({ ...world, policies: [known(aPolicy({ ...allowing, ...spec }))] });
  return decision === 'approve';
}

describe('which policies apply', () => {
  it('is for their selector to say: the issuer, with its defaults, and patterns', async () => {
    for (const issuerRef of [
      {},
      { name: 'ca' },
      { name: 'c*' },
      { kind: '*Issuer' },
      { group: 'cert-manager.io' },
      { name: '*', kind: 'ClusterIssuer', group: '*' },
    ])
      assert.ok(await applies({ selector: { issuerRef } }), JSON.stringify(issuerRef));
    for (const issuerRef of [
      { name: 'CA' },
      { name: '' },
      { kind: 'Issuer' },
      { group: 'example.org' },
      { name: 'ca', kind: 'x' },
    ])
      assert.ok(!(await applies({ selector: { issuerRef } })), JSON.stringify(issuerRef));
    const policies = [
      known(aPolicy({ ...allowing, selector: { issuerRef: { kind: 'Issuer', group: 'cert-manager.io' } } })),
    ];
    const { decision } = await decide({ policies }, { ...request, issuer: { name: 'ca' } });
    assert.equal(decision, 'approve', 'an issuer without kind and group is an Issuer of cert-manager.io');
  });

  it('is for their selector to say: the namespace by a pattern and by its labels, all of them', async () => {
    const labels = { team: 'a', env: 'prod' };
    const cases: [NonNullable<CertificateRequestPolicySpec['selector']['namespace']>, boolean][] = [
      [{}, true],
      [{ matchNames: ['web'] }, true],
      [{ matchNames: ['prod', 'w*'] }, true],
      [{ matchNames: [] }, true],
      [{ matchNames: ['prod'] }, false],
      [{ matchLabels: { team: 'a' } }, true],
      [{ matchLabels: {} }, true],
      [{ matchLabels: { team: 'a', env: 'test' } }, false],
      [{ matchLabels: { team: '' } }, false],
      [{ matchNames: ['web'], matchLabels: { team: 'b' } }, false],
      [{ matchLabels: { constructor: 'x' } }, false],
    ];
    for (const [namespace, expected] of cases)
      assert.equal(
        await applies({ selector: { namespace } }, { labels }),
        expected,
        JSON.stringify(namespace),
      );
    assert.ok(
      !(await applies({ selector: { namespace: { matchLabels: { team: 'a' } } } })),
      'no such namespace',
    );
    const both = { issuerRef: { name: 'other' }, namespace: { matchNames: ['web'] } };
    assert.ok(!(await applies({ selector: both })));
  });

  it('is for who may use them to say, asked in the namespace of the request and for its subject', async () => {
    assert.ok(await applies({}, { bound: ['test'] }));
    assert.ok(!(await applies({}, { bound: [] })));
    const questions: string[] = [];
    await new Policies(
      { surroundings },
      {
        list: () => [
          known(aPolicy({}, 'a')),
          known(aPolicy({ selector: { issuerRef: { name: 'x' } } }, 'b')),
        ],
        namespaceLabels: () => Promise.reject(new Error('nobody has a selector by labels')),
        isBound: ({ username }, name, namespace) => {
          questions.push(`${username} ${name} ${namespace}`);
          return Promise.resolve(false);
        },
      },
    ).decide(request);
    assert.deepEqual(
      questions,
      ['system:serviceaccount:web:api a web'],
      'nothing is asked about what does not match',
    );
  });
});

describe('deciding by policies', () => {
  const refusing = { allowed: { dnsNames: { values: ['*.prod'] } } };

  it('leaves a request alone to which none applies', async () => {
    assert.deepEqual(await decide({ policies: [] }), {
      decision: 'leave',
      because: 'no-policy',
      message: 'no CertificateRequestPolicy applies to system:serviceaccount:web:api in namespace web',
    });
  });

  it('approves by the first, by name, that allows all of it', async () => {
    const policies = [
      known(aPolicy(allowing, 'c')),
      known(aPolicy(refusing, 'a')),
      known(aPolicy(allowing, 'b')),
    ];
    const { duration } = request.certificate;
    assert.deepEqual(await decide({ policies }), { decision: 'approve', policy: 'b', duration });
  });

  it('allows a shorter lifetime to who can do with less, down to that', async () => {
    const hour = 3_600_000;
    const policies = [known(aPolicy({ ...allowing, constraints: { maxDuration: '12h' } }, 'a'))];
    const lifetime = async (shortestDuration?: number): Promise<unknown> => {
      const certificate = { ...asked, duration: 24 * hour, ...(shortestDuration && { shortestDuration }) };
      const decision = await decide({ policies }, aRequest({ certificate }));
      return decision.decision === 'approve' ? decision.duration : decision.decision;
    };
    assert.equal(await lifetime(), 'deny');
    assert.equal(await lifetime(hour), 12 * hour);
    assert.equal(await lifetime(12 * hour), 12 * hour);
    assert.equal(await lifetime(12 * hour + 1), 'deny');
  });

  it('does not put two policies together: one must allow all of it', async () => {
    const policies = [
      known(aPolicy(allowing, 'names')),
      known(aPolicy({ allowed: { usages: ['server auth'] } }, 'usages')),
    ];
    const both = aRequest({ certificate: { ...asked, usages: ['server auth'] } });
    assert.equal((await decide({ policies }, both)).decision, 'deny');
  });

  it('denies with what each of them would have to allow', async () => {
    const policies = [known(aPolicy(refusing, 'b')), known(aPolicy({}, 'a'))];
    assert.deepEqual(await decide({ policies }), {
      decision: 'deny',
      message:
        'no policy that applies to system:serviceaccount:web:api in namespace web allows it. ' +
        'a: dnsNames "api.web": none is allowed (spec.allowed.dnsNames); ' +
        'b: dnsNames "api.web": must be "*.prod" (spec.allowed.dnsNames.values)',
    });
  });

  it('says no more than fits a condition, however much is asked for', async () => {
    const dnsNames = Array.from({ length: 99 }, (_, index) => `${'x'.repeat(200)}${index}`);
    const policies = Array.from({ length: 30 }, (_, index) => known(aPolicy({}, `policy-${index}`)));
    const decision = await decide({ policies }, aRequest({ certificate: { altNames: { dnsNames } } }));
    assert.ok(decision.decision === 'deny');
    assert.ok(decision.message.length < 32_768, String(decision.message.length));
    assert.match(decision.message, /and 89 more/);
    assert.match(decision.message, /and 25 more/);
  });

  it('waits for a policy that may be ready soon before it denies, and not before it approves', async () => {
    const soon = known(aPolicy(allowing, 'b'), 'unknown');
    assert.deepEqual(await decide({ policies: [known(aPolicy(refusing, 'a')), soon] }), {
      decision: 'leave',
      because: 'not-ready',
      message: 'not yet known to be ready: b',
    });
    assert.equal((await decide({ policies: [known(aPolicy(allowing, 'c')), soon] })).decision, 'approve');
    assert.equal((await decide({ policies: [soon], bound: [] })).decision, 'leave');
  });

  it('does not count one that is not ready', async () => {
    const broken = known(aPolicy({ plugins: { rego: {} } }, 'a'), 'not-ready');
    assert.equal((await decide({ policies: [broken] })).decision, 'leave');
    assert.equal((await decide({ policies: [broken, known(aPolicy(refusing, 'b'))] })).decision, 'deny');
    assert.equal(
      (await decide({ policies: [known(aPolicy(allowing, 'a'), 'not-ready')] })).decision,
      'leave',
    );
  });

  it('lets a failure to look up who may use what through: it is neither yes nor no', async () => {
    const policies = new Policies(
      { surroundings },
      {
        list: () => [known(aPolicy(allowing))],
        isBound: () => Promise.reject(new Error('away')),
        namespaceLabels: () => Promise.resolve({}),
      },
    );
    await assert.rejects(policies.decide(request), /away/);
  });
});

describe('the default policy among others', () => {
  const byDefault = known(defaultPolicy);

  it('serves a proven pod that no other applies to, without a right to use it', async () => {
    const { duration } = ofPod.certificate;
    const approved = { decision: 'approve', policy: 'certmount-default', duration };
    assert.deepEqual(await decide({ policies: [byDefault], bound: [] }, ofPod), approved);
    const other = known(aPolicy({}, 'other'));
    assert.deepEqual(await decide({ policies: [byDefault, other], bound: [] }, ofPod), approved);
  });

  it('serves no one else, not even who may use it', async () => {
    assert.equal((await decide({ policies: [byDefault] })).decision, 'leave');
  });

  it('is narrowed and widened by any that applies', async () => {
    const narrow = known(aPolicy({ allowed: { uris: { values: ['spiffe://*'] } } }, 'narrow'));
    assert.equal((await decide({ policies: [byDefault, narrow] }, ofPod)).decision, 'deny');
    const wide = known(aPolicy({ allowed: { dnsNames: { values: ['www.example'] } } }, 'wide'));
    const outside = aRequest({ certificate: { altNames: { dnsNames: ['www.example'] } }, pod: aPod() });
    assert.equal((await decide({ policies: [byDefault, wide] }, outside)).decision, 'approve');
    assert.equal((await decide({ policies: [byDefault, wide], bound: [] }, outside)).decision, 'deny');
  });

  it('does not come back while the one that narrows it is not ready', async () => {
    for (const readiness of ['not-ready', 'unknown'] as const) {
      const narrow = known(aPolicy({}, 'narrow'), readiness);
      assert.equal((await decide({ policies: [byDefault, narrow] }, ofPod)).decision, 'leave');
    }
  });
});

describe('what is known of a policy', () => {
  const policy = (generation: number, status?: 'True' | 'False', observedGeneration = generation) => ({
    metadata: { name: 'a', generation },
    spec: { selector: { issuerRef: {} } },
    ...(status && { status: { conditions: [{ type: 'Ready', status, observedGeneration }] } }),
  });
  const readiness = (of: ReturnType<typeof policy>): string => knownPolicy(of, compile(of)).readiness;

  it('is what its Ready condition says of its present generation', () => {
    assert.equal(readiness(policy(1)), 'unknown');
    assert.equal(readiness(policy(1, 'True')), 'ready');
    assert.equal(readiness(policy(1, 'False')), 'not-ready');
    assert.equal(readiness(policy(2, 'True', 1)), 'unknown');
  });
});
