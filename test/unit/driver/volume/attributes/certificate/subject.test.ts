import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatSubject } from '../../../../../../src/pki/index.ts';
import { failure, specOf } from '../../../support/builders.ts';

function refused(attributes: Readonly<Record<string, string>>, ...parts: readonly string[]): void {
  assert.throws(() => specOf(attributes), failure('invalid-attribute', ...parts));
}

describe('the parts of the subject', () => {
  it('are quoted lists with variables', () => {
    assert.deepEqual(
      specOf({
        'common-name': '$POD_NAME',
        organizations: '"Acme, Inc.", ${POD_NAMESPACE}, "say ""hi"""',
        organizationalunits: 'a,b',
        countries: 'DE,FR',
        provinces: 'NRW',
        localities: 'Köln',
        streetaddresses: '"Domstraße 1, Hof",back\\slash',
        postalcodes: '50667',
        serialnumber: '${POD_UID}',
      }).certificate.subject,
      {
        commonName: 'api-0',
        serialNumber: 'pod-uid-1',
        organizations: ['Acme, Inc.', 'web', 'say "hi"'],
        organizationalUnits: ['a', 'b'],
        countries: ['DE', 'FR'],
        provinces: ['NRW'],
        localities: ['Köln'],
        streetAddresses: ['Domstraße 1, Hof', 'back\\slash'],
        postalCodes: ['50667'],
      },
    );
  });

  it('are refused when a certificate cannot carry them', () => {
    refused({ organizations: '"Acme' }, 'organizations', 'double quote');
    refused({ organizations: 'x, Acme "the" Inc' }, 'organizations', 'double quote');
    refused({ organizations: 'a,a' }, 'organizations', '"a" is listed twice');
    refused({ organizations: 'x'.repeat(65) }, 'organizations', 'longer than 64 characters');
    refused({ organizations: 'a\nb' }, 'organizations', 'no certificate can carry');
    refused({ countries: 'Germany' }, 'countries "Germany"', 'country code of two letters');
    refused({ postalcodes: '1'.repeat(41) }, 'postalcodes', '40');
    refused({ serialnumber: 'ä' }, 'serialnumber "ä"', 'letters, digits');
    refused({ localities: '${nope}' }, 'localities', 'unknown variable "nope"');
  });

  it('are enough for a CA', () => {
    assert.deepEqual(specOf({ 'is-ca': 'true', organizations: 'x' }).certificate.subject, {
      organizations: ['x'],
    });
    assert.ok(specOf({ 'is-ca': 'true', 'literal-subject': 'O=x' }));
  });
});

describe('literal-subject', () => {
  it('is the whole subject, with variables', () => {
    const { subject } = specOf({
      'literal-subject': 'CN=${POD_NAME},OU=a\\,b+UID=7,DC=example,DC=com',
    }).certificate;
    assert.equal(subject.commonName, 'api-0');
    assert.deepEqual(subject.organizationalUnits, ['a,b']);
    const [uid, dc] = ['0.9.2342.19200300.100.1.1', '0.9.2342.19200300.100.1.25'];
    assert.equal(formatSubject(subject), `CN=api-0,OU=a\\,b+${uid}=7,${dc}=example,${dc}=com`);
  });

  it('stands alone', () => {
    for (const [other, value] of [
      ['common-name', 'a'],
      ['organizations', 'a'],
      ['organizationalunits', 'a'],
      ['countries', 'DE'],
      ['provinces', 'a'],
      ['localities', 'a'],
      ['streetaddresses', 'a'],
      ['postalcodes', 'a'],
      ['serialnumber', 'a'],
    ] as const) {
      refused({ 'literal-subject': 'CN=a', [other]: value }, `${other} "${value}"`, 'literal-subject');
    }
  });

  it('is refused with the place of the fault', () => {
    refused({ 'literal-subject': 'CN=a,XY=b' }, 'literal-subject "CN=a,XY=b"', 'character 6', '"XY"');
    refused({ 'literal-subject': 'O="a, b"' }, 'literal-subject', 'escaped by a backslash');
  });
});
