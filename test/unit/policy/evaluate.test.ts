import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequestPolicySpec } from '../../../src/api/certificate-request-policy.ts';
import { encodeOid } from '../../../src/pki/der/oid.ts';
import { encode, sequence } from '../../../src/pki/der/writer.ts';
import { encodeSubject } from '../../../src/pki/index.ts';
import { aPod, aRequest, violationsOf } from './support/builders.ts';

type Certificate = NonNullable<Parameters<typeof aRequest>[0]>['certificate'];
type Spec = Partial<CertificateRequestPolicySpec>;

const violations = (spec: Spec, certificate: Certificate): string[] =>
  violationsOf(spec, aRequest({ ...(certificate && { certificate }) }));

const dnsNames = (...names: string[]): Certificate => ({ altNames: { dnsNames: names } });

describe('a policy that allows nothing', () => {
  it('approves a request for nothing', () => {
    assert.deepEqual(violations({}, {}), []);
    assert.deepEqual(violations({ allowed: {} }, {}), []);
  });

  it('names each thing that is asked for, and where it would be allowed', () => {
    const everything: Certificate = {
      subject: {
        commonName: 'cn',
        organizations: ['o'],
        organizationalUnits: ['ou'],
        countries: ['DE'],
        provinces: ['st'],
        localities: ['l'],
        streetAddresses: ['street'],
        postalCodes: ['1'],
        serialNumber: '7',
      },
      altNames: {
        dnsNames: ['a.example', 'b.example'],
        ipAddresses: ['10.0.0.1'],
        uris: ['spiffe://td/a'],
        emailAddresses: ['a@example'],
      },
      usages: ['server auth'],
      isCA: true,
    };
    assert.deepEqual(violations({}, everything), [
      'commonName "cn": none is allowed (spec.allowed.commonName)',
      'dnsNames "a.example": none is allowed (spec.allowed.dnsNames)',
      'dnsNames "b.example": none is allowed (spec.allowed.dnsNames)',
      'ipAddresses "10.0.0.1": none is allowed (spec.allowed.ipAddresses)',
      'uris "spiffe://td/a": none is allowed (spec.allowed.uris)',
      'emailAddresses "a@example": none is allowed (spec.allowed.emailAddresses)',
      'isCA "true": must be false (spec.allowed.isCA)',
      'usages "server auth": none is allowed (spec.allowed.usages)',
      'subject.organizations "o": none is allowed (spec.allowed.subject.organizations)',
      'subject.countries "DE": none is allowed (spec.allowed.subject.countries)',
      'subject.organizationalUnits "ou": none is allowed (spec.allowed.subject.organizationalUnits)',
      'subject.localities "l": none is allowed (spec.allowed.subject.localities)',
      'subject.provinces "st": none is allowed (spec.allowed.subject.provinces)',
      'subject.streetAddresses "street": none is allowed (spec.allowed.subject.streetAddresses)',
      'subject.postalCodes "1": none is allowed (spec.allowed.subject.postalCodes)',
      'subject.serialNumber "7": none is allowed (spec.allowed.subject.serialNumber)',
    ]);
    const any = { values: ['*'] };
    const subject = {
      organizations: any,
      organizationalUnits: any,
      countries: any,
      provinces: any,
      localities: any,
      streetAddresses: any,
      postalCodes: any,
      serialNumber: { value: '*' },
    };
    const allowed = {
      commonName: { value: '*' },
      dnsNames: any,
      ipAddresses: any,
      uris: any,
      emailAddresses: any,
      isCA: true,
      usages: ['server auth' as const],
      subject,
    };
    assert.deepEqual(violations({ allowed }, everything), []);
    for (const field of Object.keys(allowed))
      assert.notDeepEqual(violations({ allowed: { ...allowed, [field]: undefined } }, everything), [], field);
    for (const field of Object.keys(subject)) {
      const without = { ...allowed, subject: { ...subject, [field]: undefined } };
      assert.notDeepEqual(violations({ allowed: without }, everything), [], field);
    }
  });
});

describe('allowed values', () => {
  it('are patterns, of which each value must match one', () => {
    const allowed = { dnsNames: { values: ['a.example', '*.web.svc'] } };
    assert.deepEqual(violations({ allowed }, dnsNames('a.example', 'x.web.svc')), []);
    assert.deepEqual(violations({ allowed }, dnsNames('a.example', 'b.example')), [
      'dnsNames "b.example": must be one of "a.example", "*.web.svc" (spec.allowed.dnsNames.values)',
    ]);
  });

  it('that are an empty list allow none; with rules alone, the rules decide', () => {
    assert.deepEqual(violations({ allowed: { dnsNames: { values: [] } } }, dnsNames('a')), [
      'dnsNames "a": none is allowed (spec.allowed.dnsNames.values)',
    ]);
    const rules = { dnsNames: { validations: [{ rule: "self == 'a'" }] } };
    assert.deepEqual(violations({ allowed: rules }, dnsNames('a')), []);
    assert.deepEqual(violations({ allowed: rules }, dnsNames('b')), [
      `dnsNames "b": failed rule: self == 'a' (spec.allowed.dnsNames.validations[0])`,
    ]);
  });

  it('are not enough where a rule says no, and the other way round', () => {
    const validations = [{ rule: 'self.size() < 4', message: 'must be short' }];
    const allowed = { commonName: { value: 'a*', validations } };
    const commonName = (name: string): string[] => violations({ allowed }, { subject: { commonName: name } });
    assert.deepEqual(commonName('abc'), []);
    assert.deepEqual(commonName('abcd'), [
      'commonName "abcd": must be short (spec.allowed.commonName.validations[0])',
    ]);
    assert.deepEqual(commonName('b'), ['commonName "b": must be "a*" (spec.allowed.commonName.value)']);
    assert.equal(commonName('bcde').length, 2);
  });

  it('that are required must be there; a rule is not asked about what is not', () => {
    const validations = [{ rule: 'false' }];
    assert.deepEqual(violations({ allowed: { uris: { required: true, validations } } }, {}), [
      'uris: must be given (spec.allowed.uris.required)',
    ]);
    assert.deepEqual(violations({ allowed: { commonName: { required: true, value: '*' } } }, {}), [
      'commonName: must be given (spec.allowed.commonName.required)',
    ]);
    assert.deepEqual(violations({ allowed: { uris: { validations } } }, {}), []);
  });

  it('of a rule that has no answer are refused, and the message names the rule', () => {
    const allowed = {
      dnsNames: {
        values: ['*'],
        validations: [{ rule: 'self in pod.dnsNames', message: "must be the pod's" }],
      },
    };
    const request = aRequest({ certificate: dnsNames('api.web') ?? {} });
    assert.deepEqual(violationsOf({ allowed }, { ...request, pod: aPod() }), []);
    const [text = ''] = violationsOf({ allowed }, request);
    assert.match(
      text,
      /^dnsNames "api\.web": must be the pod's; the rule has no answer here: .* \(spec\.allowed\.dnsNames\.validations\[0\]\)$/,
    );
  });

  it('of a rule that has no answer are told in one line of ASCII, whatever the name makes of the answer', () => {
    const name = encode(0x0c, Buffer.from(`\u202e\n${'A'.repeat(40_000)}`));
    const raw = sequence(encode(0x31, sequence(encodeOid('2.5.4.3'), name)));
    for (const rule of [
      'int(self) > 3',
      "serviceAccount(self).getName() == 'x'",
      "pod.labels[self] == 'x'",
    ]) {
      const allowed = { commonName: { validations: [{ rule, message: 'm' }] } };
      const request = aRequest({ certificate: { subject: { raw } }, pod: aPod() });
      const [text = ''] = violationsOf({ allowed }, request);
      assert.match(text, /^commonName "[ -~…]+": m; the rule has no answer here: "[ -~…]+" \(spec/, rule);
      assert.ok(text.length < 500, rule);
    }
  });

  it('of usages are a set: what is asked for must be in it', () => {
    const allowed = { usages: ['client auth' as const, 'server auth' as const] };
    assert.deepEqual(violations({ allowed }, { usages: ['server auth'] }), []);
    assert.deepEqual(violations({ allowed }, { usages: ['server auth', 'code signing'] }), [
      'usages "code signing": must be one of client auth, server auth (spec.allowed.usages)',
    ]);
  });
});

describe('constraints', () => {
  const hour = 3_600_000;

  it('hold the lifetime between two others, both included, and need one to be asked for', () => {
    const constraints = { minDuration: '1h', maxDuration: '2h' };
    for (const duration of [hour, 1.5 * hour, 2 * hour])
      assert.deepEqual(violations({ constraints }, { duration }), []);
    assert.deepEqual(violations({ constraints }, { duration: hour - 1 }), [
      'duration "59m59.999s": must be at least 1h0m0s (spec.constraints.minDuration)',
    ]);
    assert.deepEqual(violations({ constraints }, { duration: 2 * hour + 1 }), [
      'duration "2h0m0.001s": must be at most 2h0m0s (spec.constraints.maxDuration)',
    ]);
    assert.deepEqual(violations({ constraints: { maxDuration: '2h' } }, { duration: undefined }), [
      'duration: must be given, at most 2h0m0s (spec.constraints.maxDuration)',
    ]);
    assert.deepEqual(violations({}, { duration: undefined }), []);
  });

  it('hold the key to an algorithm and sizes', () => {
    const privateKey = { algorithm: 'RSA' as const, minSize: 3072, maxSize: 4096 };
    const key = (size: number): string[] =>
      violations({ constraints: { privateKey } }, { key: { algorithm: 'RSA', size } });
    assert.deepEqual(key(3072), []);
    assert.deepEqual(key(4096), []);
    assert.deepEqual(key(2048), [
      'key "RSA 2048": must have at least 3072 bits (spec.constraints.privateKey.minSize)',
    ]);
    assert.deepEqual(key(8192), [
      'key "RSA 8192": must have at most 4096 bits (spec.constraints.privateKey.maxSize)',
    ]);
    assert.deepEqual(violations({ constraints: { privateKey: { algorithm: 'RSA' } } }, {}), [
      'key "ECDSA 256": must be RSA (spec.constraints.privateKey.algorithm)',
    ]);
  });

  it('count an Ed25519 key as smaller than any, as approver-policy does', () => {
    const ed25519 = { key: { algorithm: 'Ed25519' } as const };
    assert.deepEqual(violations({ constraints: { privateKey: { algorithm: 'Ed25519' } } }, ed25519), []);
    assert.deepEqual(violations({ constraints: { privateKey: { maxSize: 256 } } }, ed25519), []);
    assert.equal(violations({ constraints: { privateKey: { minSize: 1 } } }, ed25519).length, 1);
  });
});

describe('rules about the request as a whole', () => {
  it('are asked once, and their message is the whole answer', () => {
    const spec: Spec = {
      allowed: { dnsNames: { values: ['*'] } },
      validations: [{ rule: 'self.dnsNames.size() == 1', message: 'must have one DNS name' }],
    };
    assert.deepEqual(violations(spec, dnsNames('a')), []);
    assert.deepEqual(violations(spec, dnsNames('a', 'b')), [
      'request: must have one DNS name (spec.validations[0])',
    ]);
  });
});

describe('a subject', () => {
  const email = '1.2.840.113549.1.9.1';

  it('is looked at as it is encoded: no repeated or unknown attribute is missed', () => {
    const allowed = { commonName: { value: '*.example' } };
    const raw = sequence(
      ...['evil.x', 'a.example'].map((commonName) => encodeSubject({ commonName }).subarray(2)),
    );
    assert.deepEqual(violations({ allowed }, { subject: { raw, commonName: 'a.example' } }), [
      'commonName "evil.x": must be "*.example" (spec.allowed.commonName.value)',
    ]);
  });

  it('may have other attributes only where the policy names them by object identifier', () => {
    // emailAddress=a@b as IA5String
    const raw = Buffer.from('3014311230100609' + '2a864886f70d010901' + '1603614062', 'hex');
    const subject = { raw };
    assert.deepEqual(violations({}, { subject }), [
      `subject.otherAttributes[${email}] "a@b": the attribute is not allowed (spec.allowed.subject.otherAttributes)`,
    ]);
    const allow = (values: string[]): Spec => ({
      allowed: { subject: { otherAttributes: [{ oid: email, values }] } },
    });
    assert.deepEqual(violations(allow(['*@b']), { subject }), []);
    assert.equal(violations(allow(['*@c']), { subject }).length, 1);
    const required = {
      allowed: { subject: { otherAttributes: [{ oid: email, required: true, values: ['*'] }] } },
    };
    assert.deepEqual(violations(required, {}), [
      `subject.otherAttributes[${email}]: must be given (spec.allowed.subject.otherAttributes[${email}].required)`,
    ]);
  });

  it('may have no attribute that is not a text, because no pattern can say what it may be', () => {
    // x500UniqueIdentifier (2.5.4.45) as BIT STRING
    const raw = Buffer.from('300d310b300906035504' + '2d' + '03020001', 'hex');
    const allowed = { subject: { otherAttributes: [{ oid: '2.5.4.45', values: ['*'] }] } };
    assert.deepEqual(violations({ allowed }, { subject: { raw } }), [
      'subject.otherAttributes[2.5.4.45] "#03020001": must be a text (spec.allowed.subject.otherAttributes)',
    ]);
  });
});

describe('a request', () => {
  it('may have a hundred names and attributes, and not one more', () => {
    const allowed = { dnsNames: { values: ['*'] }, commonName: { value: '*' } };
    const names = Array.from({ length: 99 }, (_, index) => `n${index}.example`);
    const subject = { commonName: 'a' };
    assert.deepEqual(violations({ allowed }, { subject, altNames: { dnsNames: names } }), []);
    assert.deepEqual(violations({ allowed }, { subject, altNames: { dnsNames: [...names, 'b'] } }), [
      'request "101": must have at most 100 names and attributes of the subject (a limit of every policy)',
    ]);
  });

  it('with names that look like others is shown in ASCII', () => {
    assert.deepEqual(violations({}, { subject: { organizations: ['аpple\u202e'] } }), [
      'subject.organizations "\\u0430pple\\u202e": none is allowed (spec.allowed.subject.organizations)',
    ]);
  });
});
