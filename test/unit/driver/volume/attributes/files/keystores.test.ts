import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeystoresSpec } from '../../../../../../src/driver/volume/volume-spec.ts';
import { failure, parseSource, sourceOf, specOf } from '../../../support/builders.ts';

function refused(attributes: Readonly<Record<string, string>>, ...parts: readonly string[]): void {
  assert.throws(() => specOf(attributes), failure('invalid-attribute', ...parts));
}

const inCompatibility = (attributes: Record<string, string>): KeystoresSpec | undefined =>
  parseSource(sourceOf('/target', attributes), undefined, { compatibility: 'cert-manager' }).keystores;

describe('key stores', () => {
  it('are not there unless they are asked for', () => {
    assert.equal(specOf().keystores, undefined);
    assert.equal(specOf({ 'pkcs12-enable': 'false', 'jks-enable': 'false' }).keystores, undefined);
    assert.equal(specOf({ 'pkcs12-enable': 'false', 'pkcs12-filename': 'x.p12' }).keystores, undefined);
  });

  it('come with trust stores, usual names and a password from a Secret', () => {
    assert.deepEqual(specOf({ 'pkcs12-enable': 'true', 'jks-enable': 'true' }).keystores, {
      password: { from: 'secret' },
      pkcs12: { keystore: 'keystore.p12', truststore: 'truststore.p12', profile: 'Modern2023' },
      jks: { keystore: 'keystore.jks', truststore: 'truststore.jks', alias: 'certificate' },
    });
  });

  it('take names, a profile, an alias and a file for the password', () => {
    assert.deepEqual(
      specOf({
        'pkcs12-enable': 'true',
        'pkcs12-filename': '${POD_NAME}.p12',
        'pkcs12-truststore-filename': 'roots.p12',
        'pkcs12-profile': 'legacydes',
        'jks-enable': 'true',
        'jks-filename': 'a.jks',
        'jks-truststore-filename': 'b.jks',
        'jks-alias': '${SERVICE_ACCOUNT_NAME}',
        'keystore-password-file': 'password',
      }).keystores,
      {
        password: { from: 'file', file: 'password' },
        pkcs12: { keystore: 'api-0.p12', truststore: 'roots.p12', profile: 'LegacyDES' },
        jks: { keystore: 'a.jks', truststore: 'b.jks', alias: 'api' },
      },
    );
  });

  it('have parts that mean nothing without them', () => {
    for (const [store, parts] of [
      ['pkcs12', ['pkcs12-filename', 'pkcs12-truststore-filename', 'pkcs12-profile']],
      ['jks', ['jks-filename', 'jks-truststore-filename', 'jks-alias']],
    ] as const) {
      for (const part of parts) refused({ [part]: 'x' }, `${part} "x": needs ${store}-enable: "true"`);
    }
    refused({ 'keystore-password-file': 'x' }, 'keystore-password-file "x": needs pkcs12-enable');
    refused({ 'pkcs12-enable': 'yes' }, 'pkcs12-enable "yes": must be "true" or "false"');
    refused({ 'pkcs12-enable': 'true', 'pkcs12-profile': 'x' }, 'LegacyRC2, LegacyDES, Modern2023');
    refused({ 'jks-enable': 'true', 'jks-alias': 'a'.repeat(65) }, 'jks-alias', 'at most 64 characters');
    refused({ 'jks-enable': 'true', 'jks-alias': 'a\nb' }, 'jks-alias', 'control characters');
    refused({ 'jks-enable': 'true', 'jks-alias': '🔑' }, 'jks-alias', 'beyond U+FFFF');
  });
});

describe('a password in the pod spec', () => {
  it('is refused with what to do instead, and is not repeated', () => {
    for (const enable of ['true', 'false']) {
      assert.throws(
        () => specOf({ 'pkcs12-enable': enable, 'csi.cert-manager.io/pkcs12-password': 'hunter2' }),
        (error) =>
          failure(
            'invalid-attribute',
            'csi.cert-manager.io/pkcs12-password: ',
            'nodePublishSecretRef',
            'keystore-password-file',
          )(error) && !String(error).includes('hunter2'),
      );
    }
  });

  it("is understood in the place of cert-manager's csi-driver", () => {
    assert.deepEqual(inCompatibility({ 'pkcs12-enable': 'true', 'pkcs12-password': 'hunter2' }), {
      password: { from: 'attribute' },
      pkcs12: { keystore: 'keystore.p12', truststore: undefined, profile: 'LegacyRC2' },
      jks: undefined,
    });
  });

  it('is one of several there, and no two may be given', () => {
    const given = { 'pkcs12-enable': 'true', 'pkcs12-password': 'hunter2' };
    for (const attributes of [
      { ...given, 'keystore-password-file': 'password' },
      { ...given, 'jks-enable': 'true' },
    ]) {
      assert.throws(
        () => inCompatibility(attributes),
        (error) => failure('invalid-attribute', 'password')(error) && !String(error).includes('hunter2'),
      );
    }
    assert.deepEqual(inCompatibility({ 'pkcs12-enable': 'true' })?.password, { from: 'secret' });
  });
});
