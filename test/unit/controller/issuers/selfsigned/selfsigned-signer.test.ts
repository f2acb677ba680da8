import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyObject } from 'node:crypto';
import type { Secret } from '../../../../../src/api/core.ts';
import {
  privateKeyAnnotation,
  selfSignedSigner,
} from '../../../../../src/controller/issuers/selfsigned/selfsigned-signer.ts';
import type { SignResult } from '../../../../../src/controller/issuers/signer.ts';
import { checkRequest } from '../../../../../src/controller/requests/check-request.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import {
  encodePrivateKey,
  isIssuedBy,
  parseCertificate,
  parseRequest,
} from '../../../../../src/pki/index.ts';
import type { RequestTemplate } from '../../../../../src/pki/index.ts';
import { base64, newCsr, newKey, newRequest, now } from '../../builders.ts';

const key = await newKey();
const named = { [privateKeyAnnotation]: 'key' };
const awaits = { namespace: 'web', name: 'key' };

interface World {
  readonly annotations?: Record<string, string>;
  readonly secret?: Secret | Error;
  readonly csr?: Partial<RequestTemplate>;
  readonly isCA?: boolean;
}

function keySecret(of: KeyObject = key): Secret {
  return {
    metadata: { name: 'key', namespace: 'web' },
    data: { 'tls.key': base64(encodePrivateKey(of, 'PKCS8')) },
  };
}

async function sign({
  annotations = named,
  secret = keySecret(),
  csr = {},
  isCA = false,
}: World): Promise<SignResult> {
  const request = newRequest({ metadata: { annotations }, isCA });
  const pem = await newCsr({ subject: { commonName: 'self' }, ...csr, key });
  const checked = checkRequest(request, () => parseRequest(pem));
  assert.ok(checked.valid);
  const signer = selfSignedSigner(
    { crlDistributionPoints: ['http://crl.example/a'] },
    { readSecret: () => (secret instanceof Error ? Promise.reject(secret) : Promise.resolve(secret)) },
  );
  return signer.sign({ request, checked, now });
}

describe('a SelfSigned issuer', () => {
  it('signs with the key that the request names; the certificate is its own CA', async () => {
    const result = await sign({ isCA: true });
    assert.ok(result.result === 'issued', JSON.stringify(result));
    const certificate = parseCertificate(result.issued.certificate);
    assert.ok(isIssuedBy(certificate, certificate));
    assert.equal(certificate.isCA, true);
    assert.equal(certificate.notBefore.getTime(), now - 60_000);
    assert.ok(certificate.der.toString('latin1').includes('http://crl.example/a'));
    assert.equal(result.issued.ca, result.issued.certificate);
    assert.equal(result.warning, undefined);
  });

  it('warns of an empty issuer name', async () => {
    const result = await sign({ csr: { subject: {} } });
    assert.ok(result.result === 'issued');
    assert.equal(result.warning?.reason, 'BadConfig');
  });

  it('fails without the annotation', async () => {
    for (const annotations of [{}, { [privateKeyAnnotation]: '' }]) {
      assert.deepEqual(await sign({ annotations }), {
        result: 'problem',
        problem: 'MissingAnnotation',
        message: `Annotation "${privateKeyAnnotation}" missing or reference empty: secret name missing`,
      });
    }
  });

  it('waits for a Secret that is not there', async () => {
    assert.deepEqual(await sign({ secret: new KubeError('not-found', 'GET …: 404') }), {
      result: 'problem',
      problem: 'MissingSecret',
      message: 'Referenced secret web/key not found: secrets "key" not found',
      awaits,
    });
  });

  it('says so of a name that no Secret can have', async () => {
    const error = new KubeError('bad-request', '"web/key" is not a name that an object can have');
    const result = await sign({ secret: error });
    assert.equal(result.result === 'problem' && result.problem, 'MissingSecret');
  });

  it('waits for a Secret that holds no key', async () => {
    const missing = await sign({ secret: { metadata: {} } });
    assert.deepEqual(missing, {
      result: 'problem',
      problem: 'ErrorParsingKey',
      message: `Failed to get key "key" referenced in annotation "${privateKeyAnnotation}": no data for "tls.key" in secret web/key`,
      awaits,
    });
    const garbage = await sign({ secret: { metadata: {}, data: { 'tls.key': base64('my secret') } } });
    assert.ok(garbage.result === 'problem');
    assert.equal(garbage.problem, 'ErrorParsingKey');
    assert.doesNotMatch(garbage.message, /my secret/);
  });

  it('waits for a Secret that it may not read', async () => {
    const result = await sign({ secret: new KubeError('forbidden', 'GET …: 403 Forbidden') });
    assert.ok(result.result === 'problem');
    assert.equal(result.problem, 'ErrorGettingSecret');
  });

  it('fails when the CSR is of another key', async () => {
    assert.deepEqual(await sign({ secret: keySecret(await newKey()) }), {
      result: 'problem',
      problem: 'ErrorKeyMatch',
      message: 'Error generating certificate template: CSR not signed by referenced private key',
    });
  });

  it('throws what passes by itself, so that it is tried again', async () => {
    await assert.rejects(sign({ secret: new KubeError('unavailable', 'no connection') }), KubeError);
  });
});
