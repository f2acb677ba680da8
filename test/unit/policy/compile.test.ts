import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultsOf } from './support/builders.ts';

describe('compiling a policy', () => {
  it('takes one that is right', () => {
    assert.deepEqual(faultsOf({}), []);
    assert.deepEqual(faultsOf({ selector: { namespace: {} } }), []);
  });

  it('names every rule that is wrong, and how', () => {
    const wrong = { validations: [{ rule: 'true' }, { rule: 'nope' }] };
    const faults = faultsOf({
      allowed: {
        commonName: wrong,
        uris: wrong,
        subject: {
          organizations: wrong,
          serialNumber: wrong,
          otherAttributes: [{ oid: '2.5.4.45', ...wrong }],
        },
        otherNames: [{ oid: '1.3.6.1', ...wrong }],
      },
      validations: [{ rule: 'self.dnsNames.size()' }],
    });
    assert.deepEqual(
      faults.map((fault) => fault.slice(0, fault.indexOf(':'))),
      [
        'spec.allowed.commonName.validations[1].rule',
        'spec.allowed.uris.validations[1].rule',
        'spec.allowed.subject.organizations.validations[1].rule',
        'spec.allowed.subject.serialNumber.validations[1].rule',
        'spec.allowed.subject.otherAttributes[2.5.4.45].validations[1].rule',
        'spec.allowed.otherNames[1.3.6.1].validations[1].rule',
        'spec.validations[0].rule',
      ],
    );
    assert.match(faults[0] ?? '', /"nope" unknown variable "nope"/);
    assert.match(faults.at(-1) ?? '', /true or false/);
  });

  it('refuses a plugin: none is built in', () => {
    assert.deepEqual(faultsOf({ plugins: { rego: {} } }), [
      'spec.plugins.rego: there is no such plugin: none is built in',
    ]);
  });

  it('refuses a selector that is about nothing', () => {
    assert.match(
      faultsOf({ selector: {} })[0] ?? '',
      /^spec\.selector: issuerRef or namespace must be given/,
    );
  });

  it('refuses what is required and impossible', () => {
    assert.match(
      faultsOf({ allowed: { dnsNames: { required: true } } })[0] ?? '',
      /^spec\.allowed\.dnsNames\.values: or validations must be given/,
    );
    assert.match(
      faultsOf({ allowed: { commonName: { required: true } } })[0] ?? '',
      /^spec\.allowed\.commonName\.value: /,
    );
  });

  it('refuses durations and sizes that are none, or in the wrong order', () => {
    const constraints = (value: object): string[] =>
      faultsOf({ constraints: value }).map((fault) => fault.slice(0, fault.indexOf(':')));
    assert.deepEqual(constraints({ minDuration: '1 day' }), ['spec.constraints.minDuration']);
    assert.deepEqual(constraints({ maxDuration: '-1h' }), ['spec.constraints.maxDuration']);
    assert.deepEqual(constraints({ minDuration: '2h', maxDuration: '1h' }), ['spec.constraints.maxDuration']);
    assert.deepEqual(constraints({ privateKey: { minSize: 9000 } }), ['spec.constraints.privateKey.minSize']);
    assert.deepEqual(constraints({ privateKey: { minSize: 3, maxSize: 2 } }), [
      'spec.constraints.privateKey.maxSize',
    ]);
    assert.deepEqual(constraints({ privateKey: { algorithm: 'Ed25519', maxSize: 256 } }), [
      'spec.constraints.privateKey.maxSize',
    ]);
  });

  it('refuses an object identifier that is none, or there twice', () => {
    const otherAttributes = [{ oid: 'email' }, { oid: '2.5.4.45' }, { oid: '2.5.4.45' }];
    assert.deepEqual(faultsOf({ allowed: { subject: { otherAttributes } } }), [
      'spec.allowed.subject.otherAttributes[0].oid: must be as in "1.2.840.113549.1.9.1"',
      'spec.allowed.subject.otherAttributes[2].oid: 2.5.4.45 is given twice',
    ]);
  });
});
