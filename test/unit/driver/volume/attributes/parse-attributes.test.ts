import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usageNames } from '../../../../../src/api/usages.ts';
import { knownAttributes } from '../../../../../src/driver/volume/attributes/known-attributes.ts';
import type { AttributeSurroundings } from '../../../../../src/driver/volume/attributes/parse-attributes.ts';
import type { VolumeSpec } from '../../../../../src/driver/volume/volume-spec.ts';
import {
  day,
  failure,
  hour,
  minute,
  mutualTls,
  parseSource,
  sourceOf,
  specOf,
} from '../../support/builders.ts';

function refused(attributes: Readonly<Record<string, string>>, ...parts: readonly (string | RegExp)[]): void {
  assert.throws(() => specOf(attributes), failure('invalid-attribute', ...parts));
}

describe('a volume with nothing but an issuer', () => {
  it("gets the pod's SPIFFE ID, a P-256 key, mutual TLS and a day", () => {
    assert.deepEqual(specOf(), {
      volumeId: 'csi-1',
      targetPath: '/target',
      pod: { name: 'api-0', namespace: 'web', uid: 'pod-uid-1', serviceAccount: 'api' },
      issuer: { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' },
      certificate: {
        subject: {},
        dnsNames: [],
        ipAddresses: [],
        uris: ['spiffe://cluster.local/ns/web/sa/api'],
        emailAddresses: [],
        duration: day,
        isCA: false,
        usages: mutualTls,
      },
      key: { spec: { algorithm: 'ECDSA', size: 256 }, encoding: 'PKCS8', reuse: false },
      requestAnnotations: {},
      files: {
        certificate: 'tls.crt',
        privateKey: 'tls.key',
        ca: 'ca.crt',
        emptyCa: false,
        spiffeBundle: undefined,
        bundle: 'credential-bundle.pem',
        combined: undefined,
        certificateDer: undefined,
        privateKeyDer: undefined,
        info: 'certificate.json',
        generation: 'generation',
      },
      keystores: undefined,
      trust: { bundle: undefined, federated: [], trustDomain: 'cluster.local' },
      workloadApi: false,
      gates: [],
      start: 'with-certificate',
      group: undefined,
      renewBefore: undefined,
    });
  });
});

describe('the spelling of attributes', () => {
  it('is bare or in the group of certmount or of cert-manager', () => {
    for (const group of ['', 'csi.certmount.io/', 'csi.cert-manager.io/']) {
      assert.equal(specOf({ [`${group}duration`]: '2h' }).certificate.duration, 2 * hour);
    }
  });

  it('may differ when the value is the same, and not when it is another', () => {
    assert.equal(
      specOf({ duration: '2h', 'csi.cert-manager.io/duration': '2h' }).certificate.duration,
      2 * hour,
    );
    refused(
      { duration: '2h', 'csi.cert-manager.io/duration': '3h' },
      'csi.cert-manager.io/duration and duration',
    );
    refused(
      { 'csi.cert-manager.io/issuer-name': 'other' },
      'csi.cert-manager.io/issuer-name and issuer-name',
    );
  });

  it("leaves the kubelet's own keys alone", () => {
    assert.ok(specOf({ 'csi.storage.k8s.io/serviceAccount.tokens': '{}', 'csi.storage.k8s.io/new': 'x' }));
  });

  it('an unknown name is refused with the nearest known one', () => {
    refused({ 'dns-name': 'x' }, '"dns-name"', 'did you mean dns-names?');
    refused(
      { 'csi.cert-manager.io/durration': '1h' },
      '"csi.cert-manager.io/durration"',
      'did you mean duration?',
    );
    refused({ nonsense: 'x' }, 'known are issuer-name');
    refused({ Duration: '1h' }, 'did you mean duration?');
    refused({ __proto__x: '1' }, 'unknown volume attribute');
    refused(
      JSON.parse('{"__proto__": "1"}') as Record<string, string>,
      'unknown volume attribute "__proto__"',
    );
    refused({ constructor: '1' }, 'unknown volume attribute "constructor"');
  });

  it('is what a refusal names', () => {
    refused({ 'csi.cert-manager.io/key-size': '1' }, 'csi.cert-manager.io/key-size "1": must be');
  });

  it('an empty value counts as none', () => {
    const plain = specOf();
    for (const name of knownAttributes) {
      if (name !== 'issuer-name') assert.deepEqual(specOf({ [name]: ' ' }), plain, name);
    }
    refused({ 'issuer-name': '' }, 'issuer-name', 'must be set');
  });
});

describe('issuer-name, issuer-kind, issuer-group', () => {
  it('are taken, the name with variables', () => {
    const { issuer } = specOf({
      'issuer-name': 'ca-${POD_NAMESPACE}',
      'issuer-kind': 'AWSPCAClusterIssuer',
      'issuer-group': 'awspca.cert-manager.io',
    });
    assert.deepEqual(issuer, {
      name: 'ca-web',
      kind: 'AWSPCAClusterIssuer',
      group: 'awspca.cert-manager.io',
    });
    assert.equal(specOf({ 'issuer-kind': 'ClusterIssuer' }).issuer.kind, 'ClusterIssuer');
  });

  it('are refused when no issuer can have them', () => {
    refused({ 'issuer-kind': 'clusterissuer' }, 'issuer-kind "clusterissuer"', 'Issuer or ClusterIssuer');
    refused({ 'issuer-kind': 'Own', 'issuer-group': 'Not A Group' }, 'issuer-group "Not A Group"');
    refused({ 'issuer-kind': 'A B', 'issuer-group': 'x.example' }, 'issuer-kind "A B"');
    refused({ 'issuer-name': '../secrets/x' }, 'issuer-name "../secrets/x"');
    refused({ 'issuer-name': 'a'.repeat(254) }, 'issuer-name');
  });
});

describe('names', () => {
  it('are lists with variables; white space and empty elements do not count', () => {
    const { certificate } = specOf({
      'common-name': '${POD_NAME}.${POD_NAMESPACE}',
      'dns-names': ' ${POD_NAME}.svc , *.$POD_NAMESPACE.svc,, under_score.svc',
      'ip-sans': '10.0.0.1, ::1',
      'uri-sans': 'https://x.example/$NODE_NAME, urn:uuid:${POD_UID}',
      'email-sans': '${SERVICE_ACCOUNT_NAME}@${POD_NAMESPACE}.example',
    });
    assert.deepEqual(certificate.emailAddresses, ['api@web.example']);
    assert.equal(certificate.subject.commonName, 'api-0.web');
    assert.deepEqual(certificate.dnsNames, ['api-0.svc', '*.web.svc', 'under_score.svc']);
    assert.deepEqual(certificate.ipAddresses, ['10.0.0.1', '::1']);
    assert.deepEqual(
      certificate.uris,
      ['https://x.example/node-1', 'urn:uuid:pod-uid-1'],
      'no SPIFFE ID beside them',
    );
  });

  it('may be a SPIFFE ID, then the only URI and one of a workload', () => {
    const uri = 'spiffe://${TRUST_DOMAIN}/ns/${POD_NAMESPACE}/sa/${SERVICE_ACCOUNT_NAME}/extra';
    assert.deepEqual(specOf({ 'uri-sans': uri }).certificate.uris, [
      'spiffe://cluster.local/ns/web/sa/api/extra',
    ]);
    refused({ 'uri-sans': 'spiffe://a/b,https://x.example' }, 'uri-sans', 'must be the only URI');
    refused({ 'uri-sans': 'spiffe://cluster.local' }, 'uri-sans', 'has no path');
    refused({ 'uri-sans': 'spiffe://cluster.local/../x' }, 'uri-sans', 'segment');
  });

  it('are refused when a certificate cannot carry them', () => {
    for (const name of [
      'a..b',
      '-a',
      'a-',
      '*',
      'a.*.b',
      'ä.example',
      'a b',
      'x'.repeat(64),
      `${'a.'.repeat(127)}ab`,
      'a.',
    ]) {
      refused({ 'dns-names': name }, 'dns-names', 'DNS name');
    }
    for (const address of ['10.0.0', '256.1.1.1', '10.0.0.1/8', 'fe80::1%eth0', '::g', '010.0.0.1']) {
      refused({ 'ip-sans': address }, 'ip-sans', JSON.stringify(address), 'is not an IP address');
    }
    for (const uri of [
      '/relative',
      'http:',
      'a b:c',
      'https://ü.example',
      'https://x/%zz',
      'x'.repeat(3000),
    ]) {
      refused({ 'uri-sans': uri }, 'uri-sans');
    }
    refused({ 'common-name': 'x'.repeat(65) }, 'common-name', 'longer than 64 bytes');
    refused({ 'common-name': 'a\u0000b' }, 'common-name', 'characters that no certificate can carry');
    refused({ 'dns-names': 'a.example,b.example,a.example' }, 'dns-names', '"a.example" is listed twice');
    for (const address of ['a', 'a@', '@b', 'a@*.example', 'ä@b.example', 'a b@c.example'])
      refused({ 'email-sans': address }, `email-sans ${JSON.stringify(address)}`);
  });
});

describe('variables', () => {
  it('are also written without braces, and a dollar sign twice', () => {
    assert.equal(
      specOf({ 'common-name': '$$$POD_NAME$${POD_NAME}' }).certificate.subject.commonName,
      '$api-0${POD_NAME}',
    );
  });

  it('are not expanded twice', () => {
    const source = sourceOf('/target', { 'common-name': '$POD_NAME' });
    const spec = parseSource({
      ...source,
      context: { ...source.context, 'csi.storage.k8s.io/pod.name': '$POD_UID' },
    });
    assert.equal(spec.certificate.subject.commonName, '$POD_UID');
  });

  it('are refused when unknown or half written', () => {
    refused(
      { 'common-name': '${HOST_IP}' },
      'common-name "${HOST_IP}"',
      'unknown variable "HOST_IP"',
      'TRUST_DOMAIN, POD_IP, POD_IPS',
    );
    refused({ 'common-name': '${constructor}' }, 'unknown variable "constructor"');
    refused({ 'common-name': '${POD_NAME' }, 'a dollar sign must start a variable');
    refused({ 'dns-names': 'a$' }, 'dns-names', 'a dollar sign');
    refused({ 'common-name': '${}' }, 'unknown variable ""');
  });
});

describe("the pod's addresses", () => {
  const later = { start: 'without-certificate' };
  const addressed = (
    attributes: Record<string, string>,
    podIps?: readonly string[],
  ): VolumeSpec['certificate'] =>
    parseSource(sourceOf('/target', { ...attributes, ...later }), podIps).certificate;
  const both = ['10.0.0.7', 'fd00::7'];

  it('take their place in every name', () => {
    const names = addressed(
      {
        'common-name': 'api-${POD_IP}',
        organizations: '$POD_IP',
        'ip-sans': '${POD_IP}',
        'dns-names': '${POD_IP}.ip.example',
        'uri-sans': 'https://${POD_IP}/',
        'email-sans': 'x@${POD_IP}.example',
      },
      both,
    );
    assert.deepEqual(names.subject, { commonName: 'api-10.0.0.7', organizations: ['10.0.0.7'] });
    assert.deepEqual(names.ipAddresses, ['10.0.0.7']);
    assert.deepEqual(names.dnsNames, ['10.0.0.7.ip.example']);
    assert.deepEqual(names.uris, ['https://10.0.0.7/']);
    assert.deepEqual(names.emailAddresses, ['x@10.0.0.7.example']);
    const literal = addressed({ 'literal-subject': 'CN=${POD_IP}' }, both);
    assert.equal(literal.subject.commonName, '10.0.0.7');
  });

  it('make one element each in a list', () => {
    const { ipAddresses } = addressed({ 'ip-sans': '${POD_IPS}, 127.0.0.1' }, both);
    assert.deepEqual(ipAddresses, [...both, '127.0.0.1']);
    assert.deepEqual(addressed({ 'ip-sans': '$POD_IP,$POD_IPS' }, both).ipAddresses, both);
    const { subject } = addressed({ organizations: 'a-$POD_IPS', 'common-name': '$POD_IPS' }, both);
    assert.deepEqual(subject.organizations, ['a-10.0.0.7', 'a-fd00::7']);
    assert.equal(subject.commonName, '10.0.0.7,fd00::7');
  });

  it('are waited for, and the containers start without a certificate', () => {
    for (const attributes of [{ 'ip-sans': '${POD_IP}' }, { 'common-name': '$POD_IPS' }]) {
      assert.deepEqual(specOf({ ...attributes, ...later }).gates, [{ gate: 'pod-ip', family: 'any' }]);
    }
    assert.deepEqual(specOf({ 'ip-sans': '$POD_IP', 'wait-for': 'pod-ip:ipv6', ...later }).gates, [
      { gate: 'pod-ip', family: 'ipv6' },
    ]);
    refused({ 'ip-sans': '${POD_IP}' }, 'ip-sans "${POD_IP}"', 'start: without-certificate');
    refused({ 'dns-names': '${POD_IPS}.x', start: 'with-certificate' }, 'dns-names', 'without-certificate');
  });

  it('are checked with an address for documentation before they are known', () => {
    refused({ 'dns-names': '${POD_IP}..x', ...later }, 'dns-names', 'DNS name "192.0.2.1..x"');
    assert.throws(() => addressed({ 'dns-names': '$POD_IP' }, ['fd00::7']), failure('invalid-attribute'));
    assert.throws(
      () => addressed({ 'ip-sans': '$POD_IP' }, []),
      failure('invalid-attribute', 'has no address yet'),
    );
  });

  it('have no place but in names', () => {
    for (const name of ['issuer-name', 'ca-file', 'jks-alias', 'key-usages'] as const) {
      refused(
        { [name]: '${POD_IP}', 'jks-enable': 'true', ...later },
        name,
        'can only be in the names of a certificate',
      );
    }
  });
});

describe('duration and renew-before', () => {
  it('are durations of Go', () => {
    const { certificate, renewBefore } = specOf({ duration: '1h30m', 'renew-before': '90s' });
    assert.equal(certificate.duration, 90 * minute);
    assert.equal(renewBefore, 1.5 * minute);
    assert.equal(specOf({ duration: '1m' }).certificate.duration, minute);
  });

  it('are refused outside of what makes sense', () => {
    refused({ duration: '59s' }, 'duration "59s": must be at least 1m');
    refused({ duration: '-24h' }, 'duration "-24h": must be at least 1m');
    refused({ duration: '24' }, 'duration "24": must be a duration such as 24h');
    refused({ duration: '1d' }, 'duration "1d": must be a duration');
    refused({ 'renew-before': '0' }, 'renew-before "0": must be at least 1ms');
    refused({ 'renew-before': '-1h' }, 'renew-before "-1h"');
    refused({ 'renew-before': '24h' }, 'renew-before "24h": must be shorter than the duration');
    refused({ duration: '1h', 'renew-before': '2h' }, 'renew-before "2h": must be shorter');
  });
});

describe('the key', () => {
  it('is of every kind and encoding that go together', () => {
    const key = (attributes: Record<string, string>) => specOf(attributes).key;
    assert.deepEqual(key({ 'key-algorithm': 'RSA' }).spec, { algorithm: 'RSA', size: 2048 });
    assert.deepEqual(key({ 'key-algorithm': 'rsa', 'key-size': '8192' }).spec, {
      algorithm: 'RSA',
      size: 8192,
    });
    assert.deepEqual(key({ 'key-algorithm': 'ECDSA', 'key-size': '521' }).spec, {
      algorithm: 'ECDSA',
      size: 521,
    });
    assert.deepEqual(key({ 'key-algorithm': 'Ed25519' }).spec, { algorithm: 'Ed25519' });
    assert.equal(key({ 'key-algorithm': 'RSA', 'key-encoding': 'PKCS1' }).encoding, 'PKCS1');
    assert.equal(key({ 'key-encoding': 'sec1' }).encoding, 'SEC1');
    assert.equal(key({ 'reuse-private-key': 'true' }).reuse, true);
  });

  it('is refused otherwise', () => {
    refused({ 'key-algorithm': 'DSA' }, 'key-algorithm "DSA": must be one of RSA, ECDSA, Ed25519');
    refused(
      { 'key-algorithm': 'RSA', 'key-size': '1024' },
      'key-size "1024": must be a whole number from 2048 to 8192',
    );
    refused({ 'key-algorithm': 'RSA', 'key-size': '8200' }, 'key-size "8200"', '8192');
    refused({ 'key-algorithm': 'RSA', 'key-size': '2049' }, 'key-size "2049": must be a multiple of 8');
    refused({ 'key-algorithm': 'RSA', 'key-size': '4e3' }, 'key-size "4e3"');
    refused({ 'key-size': '512' }, 'key-size "512": must be 256, 384 or 521');
    refused({ 'key-algorithm': 'Ed25519', 'key-size': '256' }, 'key-size "256"', 'leave it out');
    refused({ 'key-encoding': 'PKCS1' }, 'key-encoding "PKCS1"', 'PKCS8 or SEC1');
    refused({ 'key-algorithm': 'RSA', 'key-encoding': 'SEC1' }, 'key-encoding "SEC1"', 'PKCS8 or PKCS1');
    refused({ 'key-algorithm': 'Ed25519', 'key-encoding': 'SEC1' }, 'key-encoding "SEC1"', 'PKCS8');
    refused({ 'key-encoding': 'DER' }, 'key-encoding "DER": must be one of PKCS1, SEC1, PKCS8');
    refused({ 'reuse-private-key': 'yes' }, 'reuse-private-key "yes": must be "true" or "false"');
  });
});

describe('usages and is-ca', () => {
  it('take every usage of the API', () => {
    assert.deepEqual(specOf({ 'key-usages': usageNames.join(',') }).certificate.usages, usageNames);
  });

  it('follow the key and the kind of certificate when not given', () => {
    assert.deepEqual(specOf({ 'key-algorithm': 'RSA' }).certificate.usages, [
      'digital signature',
      'key encipherment',
      'server auth',
      'client auth',
    ]);
    const authority = specOf({ 'is-ca': 'true', 'common-name': 'sub' }).certificate;
    assert.deepEqual(authority.usages, ['cert sign', 'crl sign']);
    assert.deepEqual(authority.uris, []);
  });

  it('are refused otherwise', () => {
    refused({ 'key-usages': 'server auth,clientauth' }, 'key-usages', 'did you mean "client auth"?');
    refused({ 'key-usages': 'everything at all' }, 'key-usages', 'known are signing');
    refused({ 'is-ca': 'True' }, 'is-ca "True": must be "true" or "false"');
    refused({ 'is-ca': 'true' }, 'common-name', 'must be set when is-ca is true');
  });
});

describe('fs-group', () => {
  it("leads over the pod's fsGroup", () => {
    const source = { ...sourceOf('/target', { 'fs-group': '2000' }), mountGroup: 1000 };
    assert.equal(parseSource(source).group, 2000);
    assert.equal(parseSource({ ...sourceOf('/target'), mountGroup: 1000 }).group, 1000);
    assert.equal(specOf({ 'fs-group': '4294967294' }).group, 4294967294);
  });

  it('is refused when it is no group', () => {
    for (const group of ['0', '-1', '4294967295', '1.5', '0x10', 'wheel']) {
      refused({ 'fs-group': group }, `fs-group "${group}": must be a whole number from 1 to 4294967294`);
    }
  });
});

describe('the pod', () => {
  it('is told by the kubelet, or the CSIDriver object is wrong', () => {
    for (const key of ['pod.name', 'pod.namespace', 'pod.uid', 'serviceAccount.name']) {
      const { context, ...source } = sourceOf('/target');
      assert.throws(
        () => parseSource({ ...source, context: { ...context, [`csi.storage.k8s.io/${key}`]: '' } }),
        failure('invalid-request', `csi.storage.k8s.io/${key}`, 'podInfoOnMount'),
      );
    }
  });

  it('needs names that make a SPIFFE ID', () => {
    const { context, ...source } = sourceOf('/target');
    const odd = { ...context, 'csi.storage.k8s.io/serviceAccount.name': 'a b/../c' };
    assert.throws(() => parseSource({ ...source, context: odd }), failure('invalid-request', 'SPIFFE ID'));
  });
});

describe('a volume that names no issuer', () => {
  const mesh = { name: 'mesh', kind: 'ClusterIssuer', group: 'cert-manager.io' };
  const withDefault = (
    attributes: Record<string, string>,
    surroundings: Partial<AttributeSurroundings>,
  ): VolumeSpec =>
    parseSource(sourceOf('/target', { 'issuer-name': '', ...attributes }), undefined, surroundings);

  it("gets the driver's default", () => {
    assert.deepEqual(withDefault({}, { defaultIssuer: mesh }).issuer, mesh);
    const named = withDefault({ 'issuer-name': 'own' }, { defaultIssuer: mesh });
    assert.deepEqual(named.issuer, { name: 'own', kind: 'Issuer', group: 'cert-manager.io' });
  });

  it('is refused when it names half of one', () => {
    assert.throws(
      () => withDefault({ 'issuer-kind': 'Issuer' }, { defaultIssuer: mesh }),
      failure('invalid-attribute', 'issuer-kind "Issuer": needs issuer-name'),
    );
  });

  it('gets a default lifetime likewise', () => {
    const surroundings = { defaultIssuer: mesh, defaultDuration: 2 * hour };
    assert.equal(withDefault({}, surroundings).certificate.duration, 2 * hour);
    assert.equal(withDefault({ duration: '3h' }, surroundings).certificate.duration, 3 * hour);
    assert.throws(
      () => withDefault({ 'renew-before': '2h' }, surroundings),
      failure('invalid-attribute', 'renew-before "2h": must be shorter'),
    );
  });
});

describe('workload-api', () => {
  it('is served for a SPIFFE ID', () => {
    assert.equal(specOf({ 'workload-api': 'true' }).workloadApi, true);
    assert.equal(
      specOf({ 'workload-api': 'true', 'uri-sans': 'spiffe://other/x' }).workloadApi,
      true,
      'of another trust domain too: approval decides',
    );
  });

  it('is refused where there is none', () => {
    refused({ 'workload-api': 'true', 'uri-sans': 'https://x.example' }, 'workload-api "true"', 'SPIFFE ID');
    refused(
      { 'workload-api': 'true', 'is-ca': 'true', 'common-name': 'x', 'uri-sans': 'spiffe://a' },
      'workload-api',
      'leave is-ca out',
    );
    refused({ 'workload-api': 'yes' }, 'workload-api "yes": must be "true" or "false"');
  });

  it('is refused beside usages with which a certificate is no X.509-SVID', () => {
    for (const usages of [
      'digital signature, server auth',
      'digital signature, client auth',
      'digital signature, code signing',
      'key encipherment, server auth, client auth',
      'digital signature, crl sign',
      'signing, cert sign',
    ])
      refused({ 'workload-api': 'true', 'key-usages': usages }, `key-usages "${usages}": workload-api needs`);
    for (const usages of ['signing', 'digital signature, server auth, client auth, code signing'])
      assert.ok(specOf({ 'workload-api': 'true', 'key-usages': usages }).workloadApi);
    assert.ok(!specOf({ 'workload-api': 'false', 'key-usages': 'server auth' }).workloadApi);
  });
});
