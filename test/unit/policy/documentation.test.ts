import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { CertificateRequestPolicy } from '../../../src/api/certificate-request-policy.ts';
import { compile, defaultPolicy, evaluate, violationText } from '../../../src/policy/index.ts';
import { root } from '../../../tools/run-command.ts';
import { run } from '../cli/policy-test/support/run-policy-test.ts';
import { examplesOf } from '../../support/examples-of.ts';
import { aPod, aRequest, compiled, surroundings } from './support/builders.ts';

const page = 'docs/policies.md';
// Without the columns of its tables.
const text = readFileSync(join(root, page), 'utf8').replace(/(?<=^\|.*) +\|/gm, ' |');
const policies = (examplesOf(page) as CertificateRequestPolicy[]).filter(
  ({ kind }) => kind === 'CertificateRequestPolicy',
);

function example(name: string): CertificateRequestPolicy {
  return policies.find(({ metadata }) => metadata.name === name) ?? assert.fail(name);
}

function violations(name: string, change: NonNullable<Parameters<typeof aRequest>[0]>): string[] {
  return evaluate(compiled(example(name)), aRequest({ pod: aPod(), ...change }), surroundings).map(
    violationText,
  );
}

describe('the examples of policies', () => {
  it('are policies that can decide', () => {
    assert.equal(policies.length, 4);
    for (const policy of policies)
      assert.deepEqual(compile(policy).outcome, 'compiled', policy.metadata.name ?? '');
  });

  it('do what the page says of them', () => {
    const { spiffeId } = aPod();
    const uris = (...names: string[]) => ({ certificate: { altNames: { uris: names } } });
    const dnsNames = (...names: string[]) => ({ certificate: { altNames: { dnsNames: names } } });
    assert.deepEqual(violations('shop-front', dnsNames('shop.example.org', '*.shop.example.org')), []);
    assert.equal(violations('shop-front', dnsNames('example.org')).length, 1);
    const anHour = { duration: 3_600_000, altNames: { uris: [spiffeId] } };
    assert.deepEqual(violations('restricted', { certificate: anHour }), []);
    assert.equal(violations('restricted', uris(spiffeId)).length, 1);
    assert.deepEqual(violations('replicas', uris(`${spiffeId}/pod/api-0`)), []);
    assert.equal(violations('replicas', uris(spiffeId)).length, 1);
    const named = { subject: { commonName: 'api.web' } };
    assert.equal(violations('replicas', { certificate: named }).length, 1);
    assert.deepEqual(
      violations('replicas', { certificate: { ...named, altNames: { dnsNames: ['api.web'] } } }),
      [],
    );
    const nobody = { pod: undefined, ...dnsNames('a.web.internal.example.org') };
    assert.deepEqual(violations('team-certificates', nobody), []);
  });
});

describe('the page about policies', () => {
  it('has the default policy as it is', () => {
    const { allowed, constraints } = defaultPolicy.spec;
    assert.ok(text.includes(`| \`usages\` | ${allowed?.usages?.join(', ')} |`));
    assert.ok(text.includes(`| \`constraints.maxDuration\` | ${constraints?.maxDuration} |`));
    for (const field of Object.keys(allowed ?? {})) assert.ok(text.includes(`| \`${field}\` |`), field);
  });

  it('shows what the command prints', async () => {
    const pod = {
      kind: 'Pod',
      metadata: { name: 'api', namespace: 'web' },
      spec: {
        serviceAccountName: 'api',
        volumes: [
          {
            name: 'tls',
            csi: {
              driver: 'csi.certmount.io',
              readOnly: true,
              volumeAttributes: {
                'issuer-name': 'mesh',
                'issuer-kind': 'ClusterIssuer',
                'dns-names': 'www.example.org',
              },
            },
          },
        ],
      },
    };
    const { code, out: printed } = await run({ '-': JSON.stringify(pod) }, '-f', '-');
    assert.equal(code, 1);
    assert.ok(text.includes(`\`\`\`\n${printed}\`\`\``), printed);
  });
});
