import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkRequest } from '../../../../src/controller/requests/check-request.ts';
import type { RequestCheck } from '../../../../src/controller/requests/check-request.ts';
import { parseRequest } from '../../../../src/pki/index.ts';
import type { UsageName } from '../../../../src/api/usages.ts';
import { newCsr, newKey, newRequest } from '../builders.ts';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { sequence } from '../../../../src/pki/der/writer.ts';
import { forgeExtension, forgeRequest } from '../../pki/support/forge.ts';

type Spec = Parameters<typeof newRequest>[0];

function check(csr: string, spec: Spec = {}): RequestCheck {
  return checkRequest(newRequest(spec), () => parseRequest(csr));
}

function message(result: RequestCheck): string {
  return result.valid ? 'valid' : result.message;
}

describe('checking a request before any issuer sees it', () => {
  it('fills in what it does not say: 90 days, digital signature and key encipherment, no CA', async () => {
    const result = check(await newCsr());
    assert.ok(result.valid);
    assert.equal(result.duration, 90 * 24 * 3600 * 1000);
    assert.deepEqual(result.usages, {
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: [],
    });
    assert.equal(result.isCA, false);
  });

  it('refuses garbage', () => {
    assert.match(message(check('garbage')), /^spec\.request: not a usable certificate signing request: /);
  });

  it('refuses a CSR whose signature is of another key', async () => {
    const csr = await newCsr();
    const der = Buffer.from(csr.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    assert.match(message(check(forged)), /signature/);
  });

  it('refuses durations that make no sense', async () => {
    const csr = await newCsr();
    assert.match(message(check(csr, { duration: 'soon' })), /^spec\.duration: "soon" is not a duration/);
    assert.equal(message(check(csr, { duration: '0s' })), 'spec.duration: 0s must be more than 0');
    assert.equal(message(check(csr, { duration: '-1h' })), 'spec.duration: -1h must be more than 0');
  });

  it('refuses usages that do not exist', async () => {
    const usages = ['levitation'] as unknown as UsageName[];
    assert.match(message(check(await newCsr(), { usages })), /^spec\.usages: "levitation" is not a usage/);
  });

  it('refuses a CSR that encodes other key usages than the spec', async () => {
    const csr = await newCsr({ usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: [] } });
    assert.equal(
      message(check(csr)),
      "encoded CSR error: the KeyUsages ['digital signature'] do not match the expected KeyUsages ['digital signature', 'key encipherment']",
    );
    assert.ok(check(csr, { usages: ['signing'] }).valid);
  });

  it('refuses a CSR that encodes other extended key usages than the spec', async () => {
    const csr = await newCsr({
      usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth', 'clientAuth'] },
    });
    assert.equal(
      message(check(csr, { usages: ['digital signature', 'server auth'] })),
      "encoded CSR error: the ExtKeyUsages ['server auth', 'client auth'] do not match the expected ExtKeyUsages ['server auth']",
    );
    assert.ok(check(csr, { usages: ['client auth', 'server auth', 'digital signature'] }).valid);
  });

  it('refuses a CSR that encodes an extended key usage that has no name, whatever the spec says', async () => {
    const usages = sequence(encodeOid('1.3.6.1.5.5.7.3.2'), encodeOid('1.3.6.1.4.1.311.20.2.2'));
    const csr = forgeRequest(await newKey(), { extensions: [forgeExtension('2.5.29.37', usages)] });
    assert.equal(
      message(check(csr, { usages: ['digital signature', 'client auth'] })),
      "encoded CSR error: the ExtKeyUsages ['client auth', '1.3.6.1.4.1.311.20.2.2'] do not match the expected ExtKeyUsages ['client auth']",
    );
    const alone = sequence(encodeOid('1.3.6.1.4.1.311.20.2.2'));
    const other = forgeRequest(await newKey(), { extensions: [forgeExtension('2.5.29.37', alone)] });
    assert.match(
      message(check(other)),
      /^encoded CSR error: the ExtKeyUsages \['1\.3\.6\.1\.4\.1\.311\.20\.2\.2'\]/,
    );
  });

  it('refuses a CSR that asks for a CA when the spec does not, and the reverse', async () => {
    const keyUsages = ['keyCertSign', 'digitalSignature'] as const;
    const csr = await newCsr({
      subject: { commonName: 'ca' },
      isCA: true,
      usages: { keyUsages, extendedKeyUsages: [] },
    });
    assert.match(
      message(check(csr, { usages: ['digital signature', 'cert sign'] })),
      /isCA true, but spec\.isCA is false/,
    );
    assert.ok(check(csr, { usages: ['digital signature'], isCA: true }).valid);
  });

  it('throws what is not about the request', () => {
    const fault = new Error('out of memory');
    assert.throws(
      () =>
        checkRequest(newRequest(), () => {
          throw fault;
        }),
      fault,
    );
  });
});
