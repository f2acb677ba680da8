import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import {
  certificateRequestPolicies,
  type CertificateRequestPolicy,
} from '../../../src/api/certificate-request-policy.ts';
import { isKubeError, KubeClient, systemClock } from '../../../src/kube/index.ts';
import { compile, defaultPolicy } from '../../../src/policy/index.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { whenEstablished } from '../../support/when-established.ts';

const root = join(import.meta.dirname, '../../..');
const timeout = 180_000;

let cluster: ControlPlane;
let client: KubeClient;
let serial = 0;

before(
  async () => {
    cluster = await startControlPlane({ controllerManager: false });
    await cluster.applyPath(join(root, 'deploy/crds/policy.cert-manager.io_certificaterequestpolicies.yaml'));
    const connection = await cluster.connection('admin');
    client = new KubeClient({ connection, userAgent: 'test' }, { clock: systemClock, random: Math.random });
    await whenEstablished(client);
  },
  { timeout },
);

after(async () => {
  client?.close();
  await cluster?.stop();
});

/** @param spec as YAML, in the words of approver-policy */
function create(spec: string): Promise<CertificateRequestPolicy> {
  const policy = { metadata: { name: `policy-${++serial}` }, spec: parse(spec) as unknown };
  return client.resource(certificateRequestPolicies).create(policy as CertificateRequestPolicy);
}

async function refused(spec: string, message: RegExp): Promise<void> {
  await assert.rejects(create(spec), (error: unknown) => {
    assert.ok(isKubeError(error), String(error));
    assert.match(error.message, message, spec);
    return true;
  });
}

const anyIssuer = 'selector: { issuerRef: {} }';

describe('the API server, given a policy of approver-policy', { timeout }, () => {
  it('takes every field of it, unchanged', async () => {
    const slice = `{ required: false, values: ["*"], validations: [] }`;
    const spec = `
allowed:
  commonName: { required: true, value: "example.com", validations: [{ rule: "self.endsWith('.com')", message: "must end with '.com'" }] }
  dnsNames: { required: false, values: ["example.com", "*.example.com"], validations: [{ rule: self.size() <= 24 }] }
  ipAddresses: { values: ["*"], validations: [{ rule: "self.matches('[0-9]+.[0-9]+.[0-9]+.[0-9]+')" }] }
  uris:
    values: ["spiffe://example.org/ns/*/sa/*"]
    validations:
      - rule: self.startsWith('spiffe://%s/ns/%s/sa/'.format(['example.org', cr.namespace]))
        message: must be a SPIFFE ID of the namespace
      - rule: isServiceAccount(cr.username) && self.endsWith('/' + serviceAccount(cr.username).getName())
  emailAddresses: { values: ["*@example.com"] }
  isCA: false
  usages: [server auth, client auth, s/mime]
  otherNames: [{ oid: "1.3.6.1.4.1.311.20.2.3", values: ["*@example.com"] }]
  subject:
    organizations: ${slice}
    countries: ${slice}
    organizationalUnits: ${slice}
    localities: ${slice}
    provinces: ${slice}
    streetAddresses: ${slice}
    postalCodes: ${slice}
    serialNumber: { value: "*", validations: [] }
    otherAttributes: [{ oid: "1.2.840.113549.1.9.1", required: false, values: ["*@example.com"], validations: [] }]
constraints:
  minDuration: 1h
  maxDuration: 24h
  privateKey: { algorithm: RSA, minSize: 2048, maxSize: 4096 }
selector:
  issuerRef: { name: "my-ca-*", kind: "*Issuer", group: cert-manager.io }
  namespace: { matchNames: [sandbox, "team-*"], matchLabels: { team: a } }
`;
    const created = await create(spec);
    assert.deepEqual(created.spec, parse(spec), 'nothing is dropped and nothing is filled in');
    assert.equal(compile(created).outcome, 'compiled');
  });

  it('takes a plugin, which is for the Ready condition to speak of', async () => {
    const created = await create(`{ plugins: { rego: { values: { my-ref: hello } } }, ${anyIssuer} }`);
    assert.deepEqual(created.spec.plugins, { rego: { values: { 'my-ref': 'hello' } } });
    assert.equal(compile(created).outcome, 'invalid');
  });

  it('takes either half of a selector, empty too', async () => {
    for (const selector of ['{ issuerRef: {} }', '{ namespace: {} }', '{ namespace: { matchNames: [a] } }'])
      await create(`selector: ${selector}`);
  });

  it('keeps the difference between no values and an empty list of them', async () => {
    const created = await create(`{ allowed: { dnsNames: { values: [] }, uris: {} }, ${anyIssuer} }`);
    assert.deepEqual(created.spec.allowed, { dnsNames: { values: [] }, uris: {} });
  });

  it('takes a Ready condition by the status alone, and kubectl shows it', async () => {
    const { metadata } = await create(anyIssuer);
    const { name = '' } = metadata;
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Ready',
        message: 'CertificateRequestPolicy is ready for approval evaluation',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        observedGeneration: 1,
      },
    ];
    await cluster.kubectl([
      'patch',
      'crp',
      name,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { conditions } }),
    ]);
    assert.match(await cluster.kubectl(['get', 'crp', name]), /NAME +READY +AGE\s+policy-\d+ +True /);
  });
});

describe('the API server, given a policy that could never work', { timeout }, () => {
  it('refuses one that selects nothing', async () => {
    await refused('selector: {}', /issuerRef or namespace must be given/);
    await refused('allowed: {}', /spec\.selector: Required value/);
  });

  it('refuses what is required and has no value that it could have', async () => {
    await refused(
      `{ allowed: { dnsNames: { required: true } }, ${anyIssuer} }`,
      /values or validations must be given/,
    );
    await refused(
      `{ allowed: { commonName: { required: true } }, ${anyIssuer} }`,
      /value or validations must be given/,
    );
    await create(`{ allowed: { dnsNames: { required: true, values: [a] } }, ${anyIssuer} }`);
    await create(`{ allowed: { uris: { required: true, validations: [{ rule: "true" }] } }, ${anyIssuer} }`);
  });

  it('refuses sizes and algorithms of keys that there are not', async () => {
    const key = (privateKey: string, message: RegExp): Promise<void> =>
      refused(`{ constraints: { privateKey: ${privateKey} }, ${anyIssuer} }`, message);
    await key('{ algorithm: DSA }', /Unsupported value: "DSA"/);
    await key('{ minSize: 9000 }', /minSize.*less than or equal to 8192/);
    await key('{ minSize: 4096, maxSize: 2048 }', /maxSize.*must not be smaller than minSize/);
    await key('{ algorithm: Ed25519, minSize: 256 }', /an Ed25519 key has no size/);
  });

  it('refuses durations, usages and rules that are none', async () => {
    await refused(`{ constraints: { maxDuration: 1 day }, ${anyIssuer} }`, /spec\.constraints\.maxDuration/);
    await refused(`{ allowed: { usages: [tls] }, ${anyIssuer} }`, /Unsupported value: "tls"/);
    await refused(
      `{ allowed: { uris: { validations: [{ message: a }] } }, ${anyIssuer} }`,
      /rule: Required value/,
    );
    await refused(`{ validations: [{ rule: a }, { rule: a }], ${anyIssuer} }`, /Duplicate value/);
  });
});

describe('the default policy', { timeout }, () => {
  it('is taken from its file as it is in the program', async () => {
    const file = join(root, 'deploy/policies/default-policy.yaml');
    assert.deepEqual(parse(readFileSync(file, 'utf8')), defaultPolicy);
    await cluster.applyPath(file);
    const applied = await client.resource(certificateRequestPolicies).get({ name: 'certmount-default' });
    assert.deepEqual(applied.spec, defaultPolicy.spec);
  });
});
