import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { VolumeFiles } from '../../../../src/driver/volume/files/volume-files.ts';
import {
  passwordsOf,
  readPasswords,
  savePasswords,
  secretAttributes,
  withoutPasswords,
} from '../../../../src/driver/volume/passwords.ts';
import type {
  KeystorePassword,
  KeystoresSpec,
  VolumeSpec,
} from '../../../../src/driver/volume/volume-spec.ts';
import { failure } from '../support/builders.ts';
import { specWith } from '../support/issued.ts';
import { removeTree } from '../support/remove-tree.ts';

const pkcs12 = { keystore: 'keystore.p12', truststore: undefined, profile: 'Modern2023' } as const;
const jks = { keystore: 'keystore.jks', truststore: undefined, alias: 'certificate' } as const;
const fromSecret: KeystorePassword = { from: 'secret' };
const fromFile: KeystorePassword = { from: 'file', file: 'password' };
const fromAttribute: KeystorePassword = { from: 'attribute' };

let volume: string;
let files: VolumeFiles;
beforeEach(() => {
  volume = fs.mkdtempSync(join(tmpdir(), 'certmount-passwords-'));
  files = new VolumeFiles({}, { fs, now: () => new Date(0) });
});
afterEach(() => removeTree(volume));

function spec(password: KeystorePassword, stores: Partial<KeystoresSpec> = {}): VolumeSpec {
  return specWith({ keystores: { password, pkcs12, jks, ...stores } }, volume);
}

const secrets = (entries: Record<string, string>) => ({ context: {}, secrets: entries });
const attributes = (context: Record<string, string>) => ({ context, secrets: {} });
const nothing = { context: {}, secrets: {} };

describe('passwords from a Secret', () => {
  it('are those of each key store, or one for all', () => {
    const both = secrets({ 'pkcs12-password': 'one', 'keystore-password': 'all', other: 'x' });
    assert.deepEqual(passwordsOf(spec(fromSecret), both), { pkcs12: 'one', jks: 'all' });
    const own = secrets({ 'pkcs12-password': 'one', 'jks-password': 'two' });
    assert.deepEqual(passwordsOf(spec(fromSecret), own), { pkcs12: 'one', jks: 'two' });
  });

  it('are asked for only where there is a key store of the kind', () => {
    const one = secrets({ 'jks-password': 'two' });
    assert.deepEqual(passwordsOf(spec(fromSecret, { pkcs12: undefined }), one), {
      pkcs12: undefined,
      jks: 'two',
    });
    assert.equal(passwordsOf(specWith({ keystores: undefined }), nothing), undefined);
  });

  it('are missed with the names that would do', () => {
    for (const source of [nothing, secrets({ 'jks-password': 'two', password: 'x' })]) {
      assert.throws(
        () => passwordsOf(spec(fromSecret), source),
        failure(
          'invalid-attribute',
          'nodePublishSecretRef',
          'PKCS#12',
          'pkcs12-password',
          'keystore-password',
          'keystore-password-file',
        ),
      );
    }
    assert.throws(
      () => passwordsOf(spec(fromSecret), secrets({ 'pkcs12-password': 'x' })),
      failure('invalid-attribute', 'JKS', 'jks-password'),
    );
  });

  it('are refused when no key store can have them, without being shown', () => {
    for (const [password, why] of [
      ['', 'empty'],
      ['hunter2\n', 'newline'],
      ['hun\u0000ter2', 'control characters'],
      ['hunter2😀', 'basic multilingual plane'],
      ['hunter2'.repeat(200), 'at most 1024'],
    ] as const) {
      for (const source of [
        [fromSecret, secrets({ 'keystore-password': password }), 'keystore-password'],
        [
          fromAttribute,
          attributes({ 'csi.cert-manager.io/pkcs12-password': password }),
          'csi.cert-manager.io/pkcs12-password',
        ],
      ] as const) {
        assert.throws(
          () => passwordsOf(spec(source[0]), source[1]),
          (error) =>
            failure('invalid-attribute', source[2], why)(error) &&
            !/hunter|ter2/.test((error as Error).message),
        );
      }
    }
  });
});

describe('passwords that are made', () => {
  it('are at least 24 characters that a URL can carry, the same for both key stores, and others for each volume', () => {
    const first = passwordsOf(spec(fromFile), nothing);
    const second = passwordsOf(spec(fromFile), nothing);
    assert.match(String(first?.pkcs12), /^[A-Za-z0-9_-]{24,}$/);
    assert.equal(first?.pkcs12, first?.jks);
    assert.notEqual(first?.pkcs12, second?.pkcs12);
  });

  it('stay the same for the life of the volume, however often it is published', () => {
    savePasswords(spec(fromFile), passwordsOf(spec(fromFile), nothing), files);
    const first = readPasswords(spec(fromFile), files);
    savePasswords(spec(fromFile), passwordsOf(spec(fromFile), nothing), files);
    assert.deepEqual(readPasswords(spec(fromFile), files), first);
  });
});

describe('a password in the pod spec', () => {
  it('is found in every spelling, and kept out of what is stored', () => {
    for (const key of [
      'pkcs12-password',
      'csi.certmount.io/pkcs12-password',
      'csi.cert-manager.io/pkcs12-password',
    ]) {
      const context = { 'issuer-name': 'ca', [key]: 'hunter2' };
      const only = spec(fromAttribute, { jks: undefined });
      assert.deepEqual(passwordsOf(only, attributes(context)), { pkcs12: 'hunter2', jks: undefined });
      assert.ok(secretAttributes.includes(key));
      assert.deepEqual(withoutPasswords(context), { 'issuer-name': 'ca' });
    }
  });

  it('is missed by its name', () => {
    assert.throws(
      () => passwordsOf(spec(fromAttribute), attributes({ 'pkcs12-enable': 'true' })),
      failure('invalid-attribute', 'pkcs12-password: must be set'),
    );
  });
});

describe('passwords between two generations', () => {
  it('lie in the volume, for root alone, and are found by a restarted driver that has no Secret', () => {
    const passwords = passwordsOf(spec(fromSecret), secrets({ 'keystore-password': 'pässword "1"' }));
    savePasswords(spec(fromSecret), passwords, files);
    assert.deepEqual(fs.readdirSync(volume), ['..passwords']);
    assert.equal(fs.statSync(join(volume, '..passwords')).mode & 0o777, 0o400);
    assert.deepEqual(readPasswords(spec(fromSecret), files), passwords);
    assert.deepEqual(readPasswords(spec(fromAttribute), files), passwords, 'whatever they came from');
  });

  it('change with the Secret', () => {
    for (const password of ['one', 'two'])
      savePasswords(
        spec(fromSecret),
        passwordsOf(spec(fromSecret), secrets({ 'keystore-password': password })),
        files,
      );
    assert.deepEqual(readPasswords(spec(fromSecret), files), { pkcs12: 'two', jks: 'two' });
  });

  it('are not written where there is no key store', () => {
    const without = specWith({ keystores: undefined }, volume);
    savePasswords(without, passwordsOf(without, nothing), files);
    assert.deepEqual(fs.readdirSync(volume), []);
    assert.equal(readPasswords(without, files), undefined);
  });

  it('that are not there, or not all, or nonsense, let the renewal wait for the kubelet', () => {
    const waits = failure('not-issued-yet', 'until the kubelet publishes the volume again');
    assert.throws(() => readPasswords(spec(fromSecret), files), waits);
    for (const text of [
      '',
      'hunter2',
      'null',
      '[]',
      '{"pkcs12":"hunter2"}',
      '{"pkcs12":"hunter2","jks":1}',
    ]) {
      files.savePasswords(volume, text);
      assert.throws(
        () => readPasswords(spec(fromSecret), files),
        (error) => waits(error) && !(error as Error).message.includes('hunter2'),
        text,
      );
    }
    savePasswords(spec(fromFile), { pkcs12: 'x', jks: 'x' }, files);
    assert.deepEqual(readPasswords(spec(fromFile), files), { pkcs12: 'x', jks: 'x' });
  });
});
