import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toUsages } from '../../../../../src/api/usages.ts';
import {
  isNameAttribute,
  knownAttributes,
} from '../../../../../src/driver/volume/attributes/known-attributes.ts';
import { compatibilities } from '../../../../../src/driver/volume/attributes/compatibility.ts';
import type { AttributeSurroundings } from '../../../../../src/driver/volume/attributes/parse-attributes.ts';
import { VolumeError } from '../../../../../src/driver/volume/volume-error.ts';
import type { VolumeSpec } from '../../../../../src/driver/volume/volume-spec.ts';
import { createRequest } from '../../../../../src/pki/index.ts';
import { newKey } from '../../support/authority.ts';
import { contextOf, failure, parseSource, sourceOf, specOf } from '../../support/builders.ts';
import { assertLittleCpu } from '../../../../support/cpu-time.ts';

/** Parses, and lets only VolumeErrors for people through. */
function parse(
  context: Record<string, string>,
  surroundings: Partial<AttributeSurroundings> = {},
): VolumeSpec | undefined {
  try {
    return parseSource({ ...sourceOf('/target'), context }, surroundings.podIps, surroundings);
  } catch (error) {
    assert.ok(error instanceof VolumeError, String(error));
    assert.ok(error.reason === 'invalid-attribute' || error.reason === 'invalid-request');
    assert.ok(error.message.length > 0);
    return undefined;
  }
}

const name = fc.oneof(
  fc.constantFrom(...knownAttributes),
  fc.constantFrom(...knownAttributes).map((attribute) => `csi.cert-manager.io/${attribute}`),
  fc.constantFrom('venafi.cert-manager.io/custom-fields', 'cert-manager.io/x', 'example.com/x', '/', 'a/b/c'),
  fc.string(),
);
/** Pieces that mean something to the parser, strung together. */
const piece = fc.constantFrom(
  '$',
  '${',
  '}',
  '${POD_NAME}',
  '$POD_UID',
  '$POD_IP',
  '${POD_IPS}',
  ',',
  '.',
  '..',
  '/',
  ' ',
  '*',
  '-',
  '_',
  '%',
  ':',
  '//',
  'spiffe://',
  'https://x',
  '\u0000',
  '\n',
  'ä',
  '\u{1f600}',
  '\ud800',
  'a',
  'B',
  '0',
  '9',
  '10.0.0.1',
  '::1',
  '1h',
  'true',
  'RSA',
  'server auth',
  '"',
  '""',
  '\\',
  '\\2c',
  '=',
  '+',
  ';',
  '#0c0161',
  'CN=',
  'O',
  '1.2.3',
  '@',
  'pod-ip',
  'pod-condition:',
  'without-certificate',
  'LegacyRC2',
  'spiffe',
);
const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
);

describe('any attributes at all', () => {
  it('are parsed or refused with a VolumeError', () => {
    fc.assert(
      fc.property(
        fc.dictionary(name, value, { maxKeys: 6 }),
        fc.constantFrom(...compatibilities),
        fc.constantFrom(undefined, [], ['10.0.0.1', 'fd00::1']),
        (attributes, compatibility, podIps) => {
          parse(contextOf(attributes), { compatibility, podIps });
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('also with any names of the pod', () => {
    fc.assert(
      fc.property(value, value, value, value, (podName, namespace, uid, serviceAccount) => {
        parse({
          ...contextOf({
            'dns-names': '$POD_NAME,$POD_NAMESPACE',
            'ca-file': '$POD_UID',
            'common-name': '$POD_NAME',
          }),
          'csi.storage.k8s.io/pod.name': podName,
          'csi.storage.k8s.io/pod.namespace': namespace,
          'csi.storage.k8s.io/pod.uid': uid,
          'csi.storage.k8s.io/serviceAccount.name': serviceAccount,
        });
      }),
      { numRuns: 1_000 },
    );
  });

  it('that are accepted make a signing request', async () => {
    const key = await newKey();
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...knownAttributes.filter(isNameAttribute)),
        fc.oneof(
          value,
          fc.webUrl(),
          fc.domain(),
          fc.ipV4(),
          fc.ipV6(),
          fc.emailAddress(),
          fc.string({ unit: 'grapheme' }).map((text) => `CN=${text}`),
        ),
        fc.constantFrom(...compatibilities),
        async (attribute, text, compatibility) => {
          const spec = parse(contextOf({ [attribute]: text, start: 'without-certificate' }), {
            compatibility,
          });
          if (spec === undefined) return;
          accepted += 1;
          const { subject, dnsNames, emailAddresses, ipAddresses, isCA, uris, usages } = spec.certificate;
          await createRequest(
            {
              subject,
              altNames: { dnsNames, ipAddresses, uris, emailAddresses },
              usages: toUsages(usages, isCA),
              isCA,
            },
            key,
          );
        },
      ),
      { numRuns: 1_000 },
    );
    assert.ok(accepted > 100, `${accepted} were accepted`);
  });

  it('keep file names within the volume and apart', () => {
    fc.assert(
      fc.property(value, value, value, value, (certificate, bundle, keystore, password) => {
        const spec = parse(
          contextOf({
            'certificate-file': certificate,
            'bundle-file': bundle,
            'pkcs12-enable': 'true',
            'pkcs12-filename': keystore,
            'keystore-password-file': password,
          }),
        );
        if (spec === undefined) return;
        const { emptyCa: _, ...files } = spec.files;
        const { password: from, pkcs12 } = spec.keystores ?? {};
        const names = [
          ...Object.values(files),
          pkcs12?.keystore,
          pkcs12?.truststore,
          from?.from === 'file' ? from.file : undefined,
          'workload-api.sock',
        ].filter((file) => file !== undefined);
        assert.equal(new Set(names).size, names.length);
        for (const file of names) {
          assert.ok(
            file !== '' &&
              file !== '.' &&
              !file.startsWith('..') &&
              !file.includes('/') &&
              !file.includes('\0'),
          );
          assert.ok(Buffer.byteLength(file) <= 255);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('attributes that are meant to keep the driver busy', () => {
  it('are refused by their length', async () => {
    const names = Array.from({ length: 300_000 }, (_, index) => `n${index}`).join(',');
    const refusals = (): void => {
      assert.throws(
        () => specOf({ 'dns-names': names }),
        failure('invalid-attribute', 'dns-names', 'at most 16384'),
      );
      assert.throws(() => specOf({ ['x'.repeat(1_000_000)]: '' }), failure('invalid-attribute', 'unknown'));
      assert.throws(
        () => specOf({ 'dns-names': 'a,'.repeat(8_000) }),
        failure('invalid-attribute', 'listed twice'),
      );
      assert.throws(() => specOf({ 'common-name': '${'.repeat(8_000) }), failure('invalid-attribute'));
      assert.throws(() => specOf({ duration: '1h'.repeat(8_000) }), failure('invalid-attribute', 'duration'));
      assert.throws(() => specOf({ organizations: '"a'.repeat(8_000) }), failure('invalid-attribute'));
      assert.throws(() => specOf({ 'literal-subject': 'CN=a,'.repeat(3_000) }), failure('invalid-attribute'));
      assert.throws(
        () => specOf({ 'wait-for': 'pod-condition:a,'.repeat(1_000) }),
        failure('invalid-attribute'),
      );
    };
    await assertLittleCpu(refusals);
  });

  it('are read in no time up to that length', async () => {
    const names = Array.from({ length: 2_500 }, (_, index) => `n${index}`).join(',');
    await assertLittleCpu(() => {
      assert.equal(specOf({ 'dns-names': names }).certificate.dnsNames.length, 2_500);
      assert.equal(specOf({ organizations: names }).certificate.subject.organizations?.length, 2_500);
      const literal = names.replace(/n/g, 'O=n').slice(0, 16_000);
      assert.ok(specOf({ 'literal-subject': literal }).certificate.subject.raw);
    });
  });

  it('are told with a message of bearable length', () => {
    assert.throws(
      () => specOf({ duration: 'x'.repeat(10_000) }),
      (error) => error instanceof VolumeError && error.message.length < 400,
    );
  });
});
