import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compatibilities, defaultsOf } from '../../../src/driver/volume/attributes/compatibility.ts';
import { usageNames } from '../../../src/api/usages.ts';
import { defaultPolicy, evaluate, violationText } from '../../../src/policy/index.ts';
import { aPod, aRequest, compiled, surroundings } from './support/builders.ts';
import { assertLittleCpu } from '../../support/cpu-time.ts';

type Certificate = NonNullable<NonNullable<Parameters<typeof aRequest>[0]>['certificate']>;

const policy = compiled(defaultPolicy);
const pod = aPod();
const hour = 3_600_000;

function violations(
  certificate: Certificate,
  change: Partial<Parameters<typeof aRequest>[0]> = {},
): string[] {
  return evaluate(policy, aRequest({ pod, certificate, ...change }), surroundings).map(violationText);
}
const dns = (...dnsNames: string[]): string[] => violations({ altNames: { dnsNames } });
const uris = (...names: string[]): string[] => violations({ altNames: { uris: names } });
const commonName = (name: string): string[] => violations({ subject: { commonName: name } });

describe('the default policy', () => {
  it('gives a pod its SPIFFE ID and no other URI', () => {
    assert.deepEqual(uris('spiffe://example.org/ns/web/sa/api'), []);
    for (const uri of [
      'spiffe://example.org/ns/web/sa/db',
      'spiffe://example.org/ns/prod/sa/api',
      'spiffe://other.org/ns/web/sa/api',
      'SPIFFE://example.org/ns/web/sa/api',
      'spiffe://EXAMPLE.org/ns/web/sa/api',
      'spiffe://example.org/ns/web/sa/api/',
      'spiffe://example.org/ns/web/sa/api?x',
      'spiffe://example.org/ns/web/sa/%61pi',
      'spiffe://example.org/ns/web/../prod/sa/api',
      'spiffe://example.org',
      'https://example.org/',
      'urn:example',
    ])
      assert.deepEqual(uris(uri), [
        `uris "${uri}": must be the pod's SPIFFE ID (spec.allowed.uris.validations[0])`,
      ]);
    assert.equal(uris(pod.spiffeId, pod.spiffeId).length, 1, 'an SVID has one URI');
    assert.equal(uris(pod.spiffeId, 'urn:example').length, 2);
  });

  it('gives a pod the DNS names that it has, and what is under its namespace', () => {
    assert.deepEqual(dns('api-0.web', 'api.web', 'api.web.svc'), []);
    assert.deepEqual(dns('db.web.svc.cluster.local', 'api-0.api.web.svc.cluster.local'), []);
  });

  it('gives a pod no DNS name of somebody else', () => {
    for (const name of [
      'api',
      'db.web',
      'db.web.svc',
      'api.prod.svc.cluster.local',
      'web.svc.cluster.local',
      '.web.svc.cluster.local',
      'api.xweb.svc.cluster.local',
      'api.web.svc.cluster.local.example.org',
      'api.web.svc.cluster.loca1',
      'api.web.pod.cluster.local',
      'example.org',
      'localhost',
      'kubernetes.default.svc',
    ])
      assert.notDeepEqual(dns(name), [], name);
    assert.deepEqual(dns('api.web', 'example.org'), [
      'dnsNames "example.org": must be a name of the pod or of a service that selects it, or end in .NAMESPACE.svc.CLUSTER_DOMAIN (spec.allowed.dnsNames.validations[1])',
    ]);
  });

  it('gives a pod no wildcard, no capital letters, no dot at the end, no IDN in its ASCII form of another namespace', () => {
    for (const name of [
      '*.web.svc.cluster.local',
      'a.*.web.svc.cluster.local',
      '*',
      'API.web',
      'api.WEB.svc.cluster.local',
      'db.web.svc.cluster.local.',
      'api.web.',
      'xn--pi-7kc.web',
      'api_x.web.svc.cluster.local',
      '-a.web.svc.cluster.local',
      'a..web.svc.cluster.local',
      'evil.example/.web.svc.cluster.local',
      'evil.example#.web.svc.cluster.local',
      'evil.example\n.web.svc.cluster.local',
      'db.web.svc.cluster.local\n',
      'evil.example\0.web.svc.cluster.local',
      'аpi.web.svc.cluster.local',
      'evil.example .web.svc.cluster.local',
    ])
      assert.notDeepEqual(dns(name), [], JSON.stringify(name));
  });

  it('gives a pod as its common name one of these names, or its SPIFFE ID', () => {
    for (const name of ['api.web', 'db.web.svc.cluster.local', pod.spiffeId])
      assert.deepEqual(commonName(name), []);
    for (const name of [
      'api',
      'example.org',
      '*.web.svc.cluster.local',
      'API.web',
      'Evil, Inc. .web.svc.cluster.local',
      'admin',
    ])
      assert.equal(commonName(name).length, 1, name);
    assert.deepEqual(commonName('system:masters'), [
      `commonName "system:masters": must be one of the names that dnsNames may have, or the pod's SPIFFE ID (spec.allowed.commonName.validations[0])`,
    ]);
  });

  it('gives a pod its own addresses', () => {
    const ip = (...ipAddresses: string[]): string[] => violations({ altNames: { ipAddresses } });
    assert.deepEqual(ip('10.0.0.7', 'fd00::7'), []);
    for (const address of ['10.0.0.8', '127.0.0.1', '10.0.0.70', 'fd00::', '::ffff:10.0.0.7'])
      assert.deepEqual(ip(address), [
        `ipAddresses "${address}": must be one of the pod's own addresses (spec.allowed.ipAddresses.validations[0])`,
      ]);
  });

  it('gives nobody an email address, nor anything else in the subject', () => {
    assert.deepEqual(violations({ altNames: { emailAddresses: ['api@web'] } }), [
      'emailAddresses "api@web": none is allowed (spec.allowed.emailAddresses)',
    ]);
    for (const subject of [
      { organizations: ['system:masters'] },
      { organizationalUnits: ['a'] },
      { countries: ['DE'] },
      { provinces: ['a'] },
      { localities: ['a'] },
      { streetAddresses: ['a'] },
      { postalCodes: ['1'] },
      { serialNumber: '1' },
    ])
      assert.equal(violations({ subject }).length, 1, JSON.stringify(subject));
  });

  it('gives nobody a CA, nor a use that is not of TLS', () => {
    assert.deepEqual(violations({ isCA: true }), ['isCA "true": must be false (spec.allowed.isCA)']);
    const allowed = ['digital signature', 'key encipherment', 'key agreement', 'client auth', 'server auth'];
    for (const usage of usageNames)
      assert.equal(violations({ usages: [usage] }).length, allowed.includes(usage) ? 0 : 1, usage);
  });

  it('gives 91 days at most, the most that a kubelet asks for; the volumes of csi-driver ask for 90', () => {
    assert.deepEqual(violations({ duration: 2184 * hour }), []);
    assert.deepEqual(violations({ duration: 2184 * hour + 1000 }), [
      'duration "2184h0m1s": must be at most 2184h0m0s (spec.constraints.maxDuration)',
    ]);
    assert.equal(violations({ duration: undefined }).length, 1);
  });

  it('takes every kind of key that is served, and no weaker RSA', () => {
    for (const size of [256, 384, 521] as const)
      assert.deepEqual(violations({ key: { algorithm: 'ECDSA', size } }), []);
    for (const size of [2048, 3072, 4096, 8192])
      assert.deepEqual(violations({ key: { algorithm: 'RSA', size } }), []);
    assert.deepEqual(violations({ key: { algorithm: 'Ed25519' } }), []);
    assert.deepEqual(violations({ key: { algorithm: 'RSA', size: 2047 } }), [
      'request: the key must be ECDSA (P-256, P-384 or P-521), Ed25519, or RSA of 2048 bits or more (spec.validations[0])',
    ]);
  });

  it('takes what the driver asks for without being told, in every compatibility', () => {
    for (const compatibility of compatibilities) {
      const { algorithm, duration, usages } = defaultsOf[compatibility];
      const certificate = { duration, usages: usages(algorithm, false), altNames: { uris: [pod.spiffeId] } };
      assert.deepEqual(violations(certificate), [], compatibility);
    }
  });

  it('gives names to no one without a proven pod', () => {
    const without = { pod: undefined };
    assert.equal(violations({ altNames: { uris: [pod.spiffeId] } }, without).length, 1);
    assert.equal(violations({ altNames: { dnsNames: ['api.web.svc.cluster.local'] } }, without).length, 1);
    assert.equal(violations({ altNames: { ipAddresses: ['10.0.0.7'] } }, without).length, 1);
    assert.equal(violations({ subject: { commonName: 'api.web' } }, without).length, 1);
  });

  it('allows no name that is neither one of the list nor a host of the namespace, however it is written', () => {
    const parts = fc.constantFrom(
      ...[
        'web',
        'prod',
        'svc',
        'cluster',
        'local',
        'cluster.local',
        'api',
        '*',
        'API',
        '.',
        '..',
        '-',
        '_',
        '@',
        '/',
      ],
      ...['\0', '\n', 'xn--', 'е', '\u212a', '%2e', ':', 'svc.cluster.local', 'web.svc.cluster.local', ' '],
    );
    const names = fc.array(fc.oneof(parts, fc.constant('.')), { minLength: 1, maxLength: 12 });
    const host =
      /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.web\.svc\.cluster\.local$/;
    fc.assert(
      fc.property(names, (words) => {
        const name = words.join('');
        const mayHave = pod.dnsNames.includes(name) || (host.test(name) && !name.includes('\n'));
        assert.equal(dns(name).length === 0, mayHave, JSON.stringify(name));
      }),
      { numRuns: 3000 },
    );
  });

  it('answers quickly about names of any length', () =>
    assertLittleCpu(() => {
      assert.notDeepEqual(dns(`${'a-'.repeat(30_000)}.example`), []);
      assert.notDeepEqual(dns(...Array.from({ length: 100 }, () => 'a.'.repeat(1000))), []);
    }));
});
