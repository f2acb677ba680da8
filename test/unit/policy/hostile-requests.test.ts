import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { before, describe, it } from 'node:test';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { encodeOid } from '../../../src/pki/der/oid.ts';
import { encode, sequence } from '../../../src/pki/der/writer.ts';
import { encodeAltNames } from '../../../src/pki/names/alt-names.ts';
import {
  createRequest,
  encodeSubject,
  isPkiError,
  noAltNames,
  parseRequest,
} from '../../../src/pki/index.ts';
import { certificateOf, defaultPolicy, evaluate, violationText } from '../../../src/policy/index.ts';
import { makeKey } from '../pki/support/builders.ts';
import {
  extensionAttribute,
  forgeAltName,
  type ForgedRequest,
  forgeExtension,
  forgeRequest,
} from '../pki/support/forge.ts';
import { openssl } from '../pki/support/openssl.ts';
import { aPod, aRequest, compiled, surroundings } from './support/builders.ts';

const policy = compiled(defaultPolicy);
const commonName = '2.5.4.3';
const own = { ...noAltNames, dnsNames: ['api.web'] };
const utf8String = 0x0c;

/** Relative distinguished names of one attribute each. */
function subjectOf(...attributes: readonly (readonly [oid: string, text: string, tag?: number])[]): Buffer {
  return sequence(...attributes.map((attribute) => encode(0x31, attributeOf(...attribute))));
}

function attributeOf(oid: string, text: string, tag = utf8String): Buffer {
  return sequence(encodeOid(oid), encode(tag, Buffer.from(text)));
}

/** What the default policy says of a CSR; that it is refused before, when it is. */
function verdict(pem: string, spec: Partial<CertificateRequest['spec']> = {}): readonly string[] {
  const request: CertificateRequest = {
    metadata: {},
    spec: {
      request: Buffer.from(pem).toString('base64'),
      issuerRef: { name: 'ca' },
      duration: '1h',
      ...spec,
    },
  };
  try {
    const certificate = certificateOf(request, parseRequest(pem));
    return evaluate(policy, { ...aRequest({ pod: aPod() }), certificate }, surroundings).map(violationText);
  } catch (error) {
    if (isPkiError(error)) return [`refused: ${error.message}`];
    throw error;
  }
}

describe('a request that tries to get a name past the policy', () => {
  let key: KeyObject;
  const forged = (parts: ForgedRequest): readonly string[] => verdict(forgeRequest(key, parts));
  before(async () => {
    key = await makeKey();
  });

  it('is told apart from an honest one', async () => {
    assert.deepEqual(
      verdict(await createRequest({ subject: { commonName: 'api.web' }, altNames: own }, key)),
      [],
    );
    const pem = openssl(
      'req -new -nodes -keyout /dev/null -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=api.web -addext subjectAltName=DNS:api.web,URI:spiffe://example.org/ns/web/sa/api,IP:10.0.0.7'.split(
        ' ',
      ),
    );
    assert.deepEqual(verdict(pem), []);
  });

  it('with two common names is refused, whichever comes last', () => {
    for (const names of [
      ['db.prod', 'api.web'],
      ['api.web', 'db.prod'],
    ]) {
      const texts = forged({ subject: subjectOf(...names.map((name) => [commonName, name] as const)) });
      assert.ok(
        texts.some((text) => text.startsWith('commonName "db.prod"')),
        texts.join(),
      );
    }
    const twice = forged({ subject: subjectOf([commonName, 'api.web'], [commonName, 'api.web']) });
    assert.deepEqual(twice.length, 1);
  });

  it('with a second common name in one relative distinguished name is refused', () => {
    const both = encode(
      0x31,
      Buffer.concat([attributeOf(commonName, 'api.web'), attributeOf(commonName, 'db.prod')]),
    );
    assert.ok(forged({ subject: sequence(both) }).some((text) => text.startsWith('commonName "db.prod"')));
  });

  it('with names in other attributes of the subject is refused', () => {
    const domainComponent = '0.9.2342.19200300.100.1.25';
    const userId = '0.9.2342.19200300.100.1.1';
    for (const oid of [domainComponent, userId, '1.2.840.113549.1.9.1', '2.5.4.41', '2.5.4.45']) {
      const [text = ''] = forged({ subject: subjectOf([oid, 'db.prod']) });
      assert.ok(text.startsWith(`subject.otherAttributes[${oid}] "db.prod"`), text);
    }
    for (const oid of ['2.5.4.10', '2.5.4.11', '2.5.4.5'])
      assert.equal(forged({ subject: subjectOf([oid, 'system:masters']) }).length, 1, oid);
  });

  it('with a common name in a string type that programs read differently is judged by its text', () => {
    const bmpString = 0x1e;
    const text = Buffer.from('db.prod', 'utf16le').swap16().toString('latin1');
    const subject = sequence(
      encode(0x31, sequence(encodeOid(commonName), encode(bmpString, Buffer.from(text, 'latin1')))),
    );
    assert.match(forged({ subject })[0] ?? '', /^commonName "db\.prod"/);
    const octetString = 0x04;
    assert.match(forged({ subject: subjectOf([commonName, 'api.web', octetString]) })[0] ?? '', /^refused: /);
  });

  it('with a common name that is empty, or ends at a NUL for some, is refused', () => {
    assert.match(forged({ subject: subjectOf([commonName, 'db.prod\0.web']) })[0] ?? '', /^refused: /);
    assert.notDeepEqual(forged({ subject: subjectOf([commonName, '']) }), []);
  });

  it('with letters that look like others is refused, and shown as what they are', () => {
    const [text = ''] = forged({ subject: subjectOf([commonName, 'аpi.web']) });
    assert.match(text, /^commonName "\\u0430pi\.web"/);
    const [turned = ''] = forged({ subject: subjectOf([commonName, '\u202ebew.ipa']) });
    assert.match(turned, /^commonName "\\u202ebew\.ipa"/);
  });

  it('with several SAN extensions, or two lists of extensions, is refused', () => {
    const san = forgeExtension('2.5.29.17', encodeAltNames(own));
    assert.deepEqual(forged({ extensions: [san] }), []);
    assert.match(forged({ extensions: [san, san] })[0] ?? '', /^refused: .*more than once/);
    const attributes = encode(0xa0, Buffer.concat([extensionAttribute(san), extensionAttribute(san)]));
    assert.match(forged({ attributes })[0] ?? '', /^refused: .*twice/);
  });

  it('with names of other kinds is refused', () => {
    const upn = Buffer.concat([
      encodeOid('1.3.6.1.4.1.311.20.2.3'),
      encode(0xa0, encode(utf8String, Buffer.from('a@b'))),
    ]);
    assert.match(forged({ extensions: [forgeAltName(0xa0, upn)] })[0] ?? '', /^refused: .*otherName/);
    const directoryName = encodeSubject({ commonName: 'db.prod' });
    assert.match(
      forged({ extensions: [forgeAltName(0xa4, directoryName)] })[0] ?? '',
      /^refused: .*directoryName/,
    );
    assert.match(
      forged({ extensions: [forgeAltName(0x88, Buffer.from('2a03', 'hex'))] })[0] ?? '',
      /^refused: /,
    );
  });

  it('with DNS names that hosts compare in their own ways is refused', () => {
    const names = [
      'api.web\0.example',
      'API.web',
      'api.web.',
      '*.web.svc.cluster.local',
      'xn--pi-7kc.web',
      'db.prod.svc',
    ];
    for (const name of [...names, `${'a.'.repeat(200)}web.svc.cluster.local`])
      assert.notDeepEqual(forged({ extensions: [forgeAltName(0x82, name)] }), [], name);
  });

  it('with a SPIFFE ID in a form that others read as another one is refused', () => {
    for (const uri of [
      'SPIFFE://example.org/ns/prod/sa/db',
      'spiffe://example.org/ns/web/sa/api/../../../prod/sa/db',
      'spiffe://example.org/ns/web/sa/api%2f..',
      'spiffe://user@example.org/ns/web/sa/api',
    ])
      assert.notDeepEqual(forged({ extensions: [forgeAltName(0x86, uri)] }), [], uri);
  });

  it('that asks for a CA in its CSR alone is refused', async () => {
    const pem = await createRequest({ subject: {}, altNames: own, isCA: true }, key);
    assert.deepEqual(verdict(pem), ['isCA "true": must be false (spec.allowed.isCA)']);
    assert.deepEqual(verdict(pem, { isCA: true }), verdict(pem));
  });

  it('with thousands of names is refused at once', async () => {
    const dnsNames = Array.from({ length: 2000 }, (_, index) => `n${index}.web.svc.cluster.local`);
    const pem = await createRequest({ subject: {}, altNames: { ...noAltNames, dnsNames } }, key);
    const texts = verdict(pem);
    assert.equal(texts.length, 1);
    assert.match(texts[0] ?? '', /at most 100 names|refused/);
  });
});
