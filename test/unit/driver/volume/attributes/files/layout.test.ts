import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failure, parseSource, sourceOf, specOf } from '../../../support/builders.ts';

function refused(attributes: Readonly<Record<string, string>>, ...parts: readonly string[]): void {
  assert.throws(() => specOf(attributes), failure('invalid-attribute', ...parts));
}

/** The files that are written, without those that every native volume has. */
function filesOf(attributes: Readonly<Record<string, string>>): Record<string, unknown> {
  const { emptyCa: _, generation, info, ...files } = specOf(attributes).files;
  assert.deepEqual([info, generation], ['certificate.json', 'generation']);
  return Object.fromEntries(Object.entries(files).filter(([, name]) => name !== undefined));
}

describe('a preset', () => {
  it('names the files', () => {
    const own = {
      certificate: 'tls.crt',
      privateKey: 'tls.key',
      ca: 'ca.crt',
      bundle: 'credential-bundle.pem',
    };
    assert.deepEqual(filesOf({}), own);
    assert.deepEqual(filesOf({ preset: 'cert-manager' }), own);
    assert.deepEqual(filesOf({ preset: 'spiffe' }), {
      ca: 'cluster.local.spiffe-trust-bundle.pem',
      bundle: 'credential-bundle.private-key.pem',
    });
    assert.deepEqual(filesOf({ preset: 'istio' }), {
      certificate: 'cert-chain.pem',
      privateKey: 'key.pem',
      ca: 'root-cert.pem',
    });
    assert.deepEqual(filesOf({ preset: 'gke' }), {
      certificate: 'certificates.pem',
      privateKey: 'private_key.pem',
      ca: 'ca_certificates.pem',
      bundle: 'x509.credential-bundle.private-key.pem',
    });
    refused({ preset: 'nginx' }, 'preset "nginx": must be one of cert-manager, spiffe, istio, gke');
  });

  it('is renamed in parts and added to by attributes', () => {
    assert.deepEqual(filesOf({ preset: 'istio', 'ca-file': 'roots.pem', 'bundle-file': 'all.pem' }), {
      certificate: 'cert-chain.pem',
      privateKey: 'key.pem',
      ca: 'roots.pem',
      bundle: 'all.pem',
    });
    const { certificateDer, combined, privateKeyDer } = specOf({
      'combined-pem-file': 'tls-combined.pem',
      'certificate-der-file': '${POD_NAME}.crt.der',
      'privatekey-der-file': 'key.der',
    }).files;
    assert.deepEqual(
      [combined, certificateDer, privateKeyDer],
      ['tls-combined.pem', 'api-0.crt.der', 'key.der'],
    );
  });

  it('needs a trust domain that fits a file name', () => {
    assert.throws(
      () =>
        parseSource(sourceOf('/target', { preset: 'spiffe' }), undefined, { trustDomain: 'a'.repeat(240) }),
      failure('invalid-attribute', 'ca-file', 'at most 255 bytes'),
    );
  });
});

describe('file names', () => {
  it('are taken, with variables, dots and other scripts', () => {
    const { files } = specOf({
      'certificate-file': '${POD_NAME}.crt',
      'privatekey-file': '.hidden',
      'ca-file': 'wurzel-zertifikät.pem',
    });
    assert.equal(files.certificate, 'api-0.crt');
    assert.equal(files.privateKey, '.hidden');
    assert.equal(files.ca, 'wurzel-zertifikät.pem');
    assert.ok(specOf({ 'ca-file': 'a'.repeat(255) }));
    assert.ok(specOf({ 'certificate-file': 'tls.key', 'privatekey-file': 'tls.crt' }), 'odd, not wrong');
  });

  const attributes = [
    'certificate-file',
    'privatekey-file',
    'ca-file',
    'bundle-file',
    'combined-pem-file',
    'certificate-der-file',
    'privatekey-der-file',
    'pkcs12-filename',
    'pkcs12-truststore-filename',
    'jks-filename',
    'jks-truststore-filename',
    'keystore-password-file',
  ];
  const stores = { 'pkcs12-enable': 'true', 'jks-enable': 'true' };

  for (const attribute of attributes) {
    it(`of ${attribute} stay within the volume`, () => {
      const refuses = (name: string, why: string): void =>
        refused({ ...stores, [attribute]: name }, attribute, why);
      for (const name of ['../x', 'a/b', '/etc/passwd', 'x/..']) refuses(name, 'without "/"');
      for (const name of ['.', '..', '..data', '..2026_01_01_00_00_00.abcdef', '..pending'])
        refuses(name, 'must not be "." nor start with ".."');
      for (const name of ['a\u0000b', 'a\nb', '\u007f']) refuses(name, 'control characters');
      refuses('a'.repeat(256), 'at most 255 bytes');
      refuses('ä'.repeat(128), 'at most 255 bytes');
      refuses('a\ud800', 'half a character');
    });

    it(`of ${attribute} are none that the driver has for itself`, () => {
      for (const name of ['workload-api.sock', 'certificate.json', 'generation'])
        refused({ ...stores, [attribute]: name }, `${attribute} "${name}"`, 'is already taken by');
    });
  }

  it('are taken once each', () => {
    for (const one of attributes) {
      for (const other of attributes) {
        if (one === other) continue;
        refused({ ...stores, [one]: 'same', [other]: 'same' }, 'the file name "same" is already taken by');
      }
    }
    refused({ 'ca-file': 'tls.crt' }, 'ca-file', '"tls.crt" is already taken by certificate-file');
    refused(
      { 'privatekey-file': 'credential-bundle.pem' },
      'bundle-file',
      'already taken by privatekey-file',
    );
  });
});
