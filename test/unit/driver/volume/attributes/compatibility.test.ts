import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Compatibility } from '../../../../../src/driver/volume/attributes/compatibility.ts';
import type { VolumeSpec } from '../../../../../src/driver/volume/volume-spec.ts';
import { createRequest, formatSubject } from '../../../../../src/pki/index.ts';
import { toUsages } from '../../../../../src/api/usages.ts';
import { newKey } from '../../support/authority.ts';
import { day, failure, hour, parseSource, sourceOf } from '../../support/builders.ts';

type Attributes = Readonly<Record<string, string>>;

/** Attributes as a pod of the other driver has them, under its group. */
function inPlaceOf(compatibility: Compatibility, group: string, attributes: Attributes): VolumeSpec {
  const grouped = Object.entries(attributes).map(([name, value]) => [
    name.includes('/') ? name : `${group}/${name}`,
    value,
  ]);
  return parseSource(sourceOf('/target', Object.fromEntries(grouped)), undefined, { compatibility });
}

const parse = (attributes: Attributes = {}): VolumeSpec =>
  inPlaceOf('cert-manager', 'csi.cert-manager.io', attributes);

function refused(attributes: Attributes, ...parts: readonly string[]): void {
  assert.throws(() => parse(attributes), failure('invalid-attribute', ...parts));
}

const variables = '${POD_NAME} ${POD_NAMESPACE} $POD_UID $SERVICE_ACCOUNT_NAME';
const expanded = 'api-0 web pod-uid-1 api';

/** A row for each attribute of csi-driver: what holds by default, what it means, what is refused. */
const rows: Readonly<Record<string, () => void>> = {
  'issuer-name': () => {
    const nameless = sourceOf('/target', { 'issuer-name': '' });
    assert.throws(
      () => parseSource(nameless, undefined, { compatibility: 'cert-manager' }),
      failure('invalid-attribute', 'issuer-name', 'must be set'),
    );
    assert.equal(parse().issuer.name, 'ca');
  },
  'issuer-kind': () => {
    assert.equal(parse().issuer.kind, 'Issuer');
    assert.equal(parse({ 'issuer-kind': 'ClusterIssuer' }).issuer.kind, 'ClusterIssuer');
  },
  'issuer-group': () => {
    assert.equal(parse().issuer.group, 'cert-manager.io');
    assert.equal(parse({ 'issuer-group': 'own.example', 'issuer-kind': 'Own' }).issuer.group, 'own.example');
  },
  'literal-subject': () => {
    const literal = parse({ 'literal-subject': `CN=${variables},O=x` });
    assert.equal(formatSubject(literal.certificate.subject), `CN=${expanded},O=x`);
    // There the other parts are passed over without a word.
    refused({ 'literal-subject': 'CN=a', organizations: 'x' }, 'organizations', 'literal-subject');
  },
  'common-name': () => {
    assert.equal(parse().certificate.subject.commonName, undefined);
    assert.equal(parse({ 'common-name': variables }).certificate.subject.commonName, expanded);
    // There any length is taken, and refused by issuers.
    refused({ 'common-name': 'x'.repeat(65) }, 'common-name');
  },
  'organizations … postalcodes': () => {
    for (const [attribute, field] of [
      ['organizations', 'organizations'],
      ['organizationalunits', 'organizationalUnits'],
      ['provinces', 'provinces'],
      ['localities', 'localities'],
      ['streetaddresses', 'streetAddresses'],
    ] as const) {
      assert.equal(parse().certificate.subject[field], undefined);
      const { subject } = parse({ [attribute]: `"10, Downing Street",${variables}` }).certificate;
      assert.deepEqual(subject[field], ['10, Downing Street', expanded]);
      refused({ [attribute]: '"x' }, attribute);
    }
    assert.deepEqual(parse({ postalcodes: '1,2' }).certificate.subject.postalCodes, ['1', '2']);
    assert.deepEqual(parse({ countries: 'DE,FR' }).certificate.subject.countries, ['DE', 'FR']);
  },
  serialnumber: () => {
    assert.equal(parse({ serialnumber: '42' }).certificate.subject.serialNumber, '42');
    // There not expanded.
    assert.equal(parse({ serialnumber: '$POD_UID' }).certificate.subject.serialNumber, 'pod-uid-1');
  },
  'dns-names': () => {
    assert.deepEqual(parse().certificate.dnsNames, []);
    const { dnsNames } = parse({ 'dns-names': '${POD_NAME}.a , $POD_NAMESPACE.b' }).certificate;
    assert.deepEqual(dnsNames, ['api-0.a', 'web.b']);
  },
  'ip-sans': () => {
    assert.deepEqual(parse().certificate.ipAddresses, []);
    assert.deepEqual(parse({ 'ip-sans': '10.0.0.1, fd00::1' }).certificate.ipAddresses, [
      '10.0.0.1',
      'fd00::1',
    ]);
    refused({ 'ip-sans': '10.0.0.1,x' }, 'ip-sans', '"x" is not an IP address');
    // There not expanded.
    const { ipAddresses } = parse({ 'ip-sans': '$POD_IP', start: 'without-certificate' }).certificate;
    assert.deepEqual(ipAddresses, ['192.0.2.1']);
  },
  'uri-sans': () => {
    assert.deepEqual(parse().certificate.uris, [], 'no SPIFFE ID');
    const uri = 'spiffe://${POD_NAMESPACE}/${SERVICE_ACCOUNT_NAME}';
    assert.deepEqual(parse({ 'uri-sans': uri }).certificate.uris, ['spiffe://web/api']);
    // There a path alone is taken too.
    refused({ 'uri-sans': '/path' }, 'uri-sans', 'absolute URI');
  },
  duration: () => {
    assert.equal(parse().certificate.duration, 90 * day);
    assert.equal(parse({ duration: '1h30m' }).certificate.duration, 1.5 * hour);
    // There nothing and less is taken.
    for (const duration of ['0', '0s', '-1h']) refused({ duration }, `duration "${duration}"`, 'at least');
  },
  'is-ca': () => {
    assert.equal(parse().certificate.isCA, false);
    const authority = parse({ 'is-ca': 'true', 'common-name': 'sub' }).certificate;
    assert.equal(authority.isCA, true);
    assert.deepEqual(authority.usages, ['digital signature', 'key encipherment']);
    refused({ 'is-ca': 'TRUE' }, 'is-ca "TRUE"');
  },
  'key-usages': () => {
    assert.deepEqual(parse().certificate.usages, ['digital signature', 'key encipherment']);
    for (const algorithm of ['ECDSA', 'Ed25519'])
      assert.deepEqual(parse({ 'key-algorithm': algorithm }).certificate.usages, [
        'digital signature',
        'key encipherment',
      ]);
    assert.deepEqual(parse({ 'key-usages': ' server auth , client auth' }).certificate.usages, [
      'server auth',
      'client auth',
    ]);
    refused({ 'key-usages': 'serverauth' }, 'key-usages', 'server auth');
  },
  'key-algorithm': () => {
    assert.deepEqual(parse().key.spec, { algorithm: 'RSA', size: 2048 });
    assert.deepEqual(parse({ 'key-algorithm': 'ecdsa' }).key.spec, { algorithm: 'ECDSA', size: 256 });
    assert.deepEqual(parse({ 'key-algorithm': 'ED25519' }).key.spec, { algorithm: 'Ed25519' });
    refused({ 'key-algorithm': 'DSA' }, 'key-algorithm "DSA"');
  },
  'key-encoding': () => {
    assert.equal(parse().key.encoding, 'PKCS1');
    assert.equal(parse({ 'key-algorithm': 'ECDSA' }).key.encoding, 'PKCS8');
    assert.equal(parse({ 'key-algorithm': 'Ed25519' }).key.encoding, 'PKCS8');
    assert.equal(parse({ 'key-encoding': 'pkcs8' }).key.encoding, 'PKCS8');
    refused({ 'key-algorithm': 'ECDSA', 'key-encoding': 'PKCS1' }, 'key-encoding "PKCS1"');
    refused({ 'key-algorithm': 'Ed25519', 'key-encoding': 'PKCS1' }, 'key-encoding "PKCS1"');
  },
  'key-size': () => {
    assert.deepEqual(parse({ 'key-size': '8192' }).key.spec, { algorithm: 'RSA', size: 8192 });
    for (const size of ['384', '521'])
      assert.deepEqual(parse({ 'key-algorithm': 'ECDSA', 'key-size': size }).key.spec, {
        algorithm: 'ECDSA',
        size: Number(size),
      });
    for (const size of ['2047', '8193', 'x']) refused({ 'key-size': size }, `key-size "${size}"`);
    refused({ 'key-algorithm': 'ECDSA', 'key-size': '255' }, 'key-size "255"');
    refused({ 'key-algorithm': 'Ed25519', 'key-size': '256' }, 'key-size "256"');
  },
  'ca-file, certificate-file, privatekey-file': () => {
    assert.deepEqual(parse().files, {
      certificate: 'tls.crt',
      privateKey: 'tls.key',
      ca: 'ca.crt',
      emptyCa: true,
      spiffeBundle: undefined,
      bundle: undefined,
      combined: undefined,
      certificateDer: undefined,
      privateKeyDer: undefined,
      info: undefined,
      generation: undefined,
    });
    const { files } = parse({ 'ca-file': 'a', 'certificate-file': 'b', 'privatekey-file': 'generation' });
    assert.deepEqual([files.ca, files.certificate, files.privateKey], ['a', 'b', 'generation']);
    for (const attribute of ['ca-file', 'certificate-file', 'privatekey-file']) {
      for (const name of ['/a', '..a', 'a/b', 'x'.repeat(256)]) refused({ [attribute]: name }, attribute);
      // There it is taken.
      refused({ [attribute]: '.' }, attribute);
    }
    refused({ 'ca-file': 'tls.crt' }, 'already taken');
  },
  'fs-group': () => {
    assert.equal(parse().group, undefined);
    assert.equal(parse({ 'fs-group': '2000' }).group, 2000);
    // There seen only when the certificate is issued.
    for (const group of ['0', '-1', 'x']) refused({ 'fs-group': group }, `fs-group "${group}"`);
  },
  'renew-before': () => {
    assert.equal(parse().renewBefore, undefined, 'a third of the lifetime');
    assert.equal(parse({ 'renew-before': '48h' }).renewBefore, 2 * day);
    assert.equal(parse({ 'renew-before': '2160h' }).renewBefore, undefined, 'not shorter counts as none');
    // There taken, and the certificate renewed when it has expired.
    refused({ 'renew-before': '-1h' }, 'renew-before "-1h"');
  },
  'reuse-private-key': () => {
    assert.equal(parse().key.reuse, false);
    assert.equal(parse({ 'reuse-private-key': 'true' }).key.reuse, true);
    refused({ 'reuse-private-key': '1' }, 'reuse-private-key "1"');
  },
  'pkcs12-enable, pkcs12-filename, pkcs12-password': () => {
    assert.equal(parse().keystores, undefined);
    const enabled = { 'pkcs12-enable': 'true', 'pkcs12-password': 'changeit' };
    assert.deepEqual(parse(enabled).keystores, {
      password: { from: 'attribute' },
      pkcs12: { keystore: 'keystore.p12', truststore: undefined, profile: 'LegacyRC2' },
      jks: undefined,
    });
    assert.equal(parse({ ...enabled, 'pkcs12-filename': 'k.p12' }).keystores?.pkcs12?.keystore, 'k.p12');
    assert.equal(parse({ ...enabled, 'pkcs12-enable': 'false' }).keystores, undefined);
    refused({ ...enabled, 'pkcs12-enable': 'yes' }, 'pkcs12-enable "yes"');
    refused({ ...enabled, 'pkcs12-filename': 'tls.key' }, 'pkcs12-filename "tls.key"', 'already taken');
    refused({ 'pkcs12-filename': 'k.p12' }, 'pkcs12-filename "k.p12"', 'needs pkcs12-enable');
    refused({ 'pkcs12-password': 'changeit' }, 'pkcs12-password: needs pkcs12-enable');
  },
  'attributes of other groups': () => {
    assert.deepEqual(parse().requestAnnotations, {});
    assert.deepEqual(parse({ 'own.example/team': 'a' }).requestAnnotations, { 'own.example/team': 'a' });
    assert.deepEqual(parse({ 'csi.storage.k8s.io/x': 'a' }).requestAnnotations, {});
    // There they are copied like any other.
    refused({ 'cert-manager.io/private-key-secret-name': 'x' }, 'for controllers to set');
    // There an unknown name in the own group is passed over.
    refused({ 'dns-name': 'x' }, '"csi.cert-manager.io/dns-name"', 'did you mean dns-names?');
  },
  'unknown variables': () => {
    refused({ 'dns-names': '${NOPE}' }, 'unknown variable "NOPE"', 'POD_NAME, POD_NAMESPACE, POD_UID');
  },
};

describe("in the place of cert-manager's csi-driver", () => {
  for (const [attribute, check] of Object.entries(rows)) it(`${attribute} as there`, check);

  it('a pod with nothing but an issuer makes a request without names', async () => {
    const { certificate, gates, start, workloadApi } = parse();
    assert.deepEqual([gates, start, workloadApi], [[], 'with-certificate', false]);
    const { dnsNames, emailAddresses, ipAddresses, isCA, subject, uris, usages } = certificate;
    const altNames = { dnsNames, emailAddresses, ipAddresses, uris };
    assert.ok(
      await createRequest({ subject, altNames, isCA, usages: toUsages(usages, isCA) }, await newKey()),
    );
  });

  it('what this driver has beside is there when it is asked for', () => {
    assert.equal(parse({ preset: 'cert-manager' }).files.bundle, 'credential-bundle.pem');
    assert.equal(parse({ 'bundle-file': 'b.pem' }).files.bundle, 'b.pem');
    const { certificate, workloadApi } = parse({
      'workload-api': 'true',
      'uri-sans': 'spiffe://${TRUST_DOMAIN}/ns/${POD_NAMESPACE}/sa/${SERVICE_ACCOUNT_NAME}',
    });
    assert.ok(workloadApi);
    assert.deepEqual(certificate.uris, ['spiffe://cluster.local/ns/web/sa/api']);
    refused({ 'workload-api': 'true' }, 'workload-api', 'uri-sans');
  });
});

describe('in the place of csi-driver-spiffe', () => {
  const spiffe = (attributes: Attributes = {}): VolumeSpec =>
    inPlaceOf('csi-driver-spiffe', 'spiffe.csi.cert-manager.io', attributes);

  it('a pod gets what its approver lets through', () => {
    const { certificate, files, group, key, requestAnnotations } = spiffe({ 'fs-group': '2000' });
    assert.equal(group, 2000);
    assert.deepEqual(key, { spec: { algorithm: 'ECDSA', size: 256 }, encoding: 'PKCS8', reuse: false });
    assert.deepEqual(certificate, {
      subject: {},
      dnsNames: [],
      ipAddresses: [],
      uris: ['spiffe://cluster.local/ns/web/sa/api'],
      emailAddresses: [],
      duration: hour,
      isCA: false,
      usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
    });
    assert.deepEqual(requestAnnotations, {
      'spiffe.csi.cert-manager.io/identity': 'spiffe://cluster.local/ns/web/sa/api',
    });
    const written = Object.values(files).filter((name) => typeof name === 'string');
    assert.deepEqual(written, ['tls.crt', 'tls.key', 'ca.crt']);
    assert.equal(files.emptyCa, false);
  });

  it('its group is unknown to the other drivers', () => {
    assert.throws(
      () => inPlaceOf('none', 'spiffe.csi.cert-manager.io', { 'fs-group': '2000' }),
      failure('invalid-attribute', 'spiffe.csi.cert-manager.io/fs-group'),
    );
  });
});
