import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateSigningRequest } from '../../../../src/api/certificate-signing-request.ts';
import { signingRequestAnnotations } from '../../../../src/api/certificate-signing-request.ts';
import { issuerKeyText } from '../../../../src/controller/issuers/issuer-key.ts';
import type { IssuerState } from '../../../../src/controller/issuers/issuer-state.ts';
import type { Signer, SigningRequest, SignResult } from '../../../../src/controller/issuers/signer.ts';
import type { RequestProblem } from '../../../../src/controller/requests/problem.ts';
import { resolveSigningRequest } from '../../../../src/controller/signing-requests/resolve-signing-request.ts';
import type { SigningRequestOutcome } from '../../../../src/controller/signing-requests/resolve-signing-request.ts';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import { forgeExtension, forgeRequest } from '../../pki/support/forge.ts';
import { base64, newCsr, newKey, now } from '../builders.ts';

const approved = { type: 'Approved', status: 'True' };
const cluster = 'clusterissuers.cert-manager.io/ca';
const namespaced = 'issuers.cert-manager.io/web.ca';

async function newSigningRequest(
  options: {
    readonly spec?: Partial<CertificateSigningRequest['spec']>;
    readonly annotations?: Record<string, string>;
    readonly status?: CertificateSigningRequest['status'];
  } = {},
): Promise<CertificateSigningRequest> {
  const { annotations = {}, spec, status = { conditions: [approved] } } = options;
  return {
    metadata: { name: 'csr-1', uid: 'uid-1', annotations },
    spec: {
      request: base64(await newCsr()),
      signerName: cluster,
      usages: ['client auth'],
      username: 'jane',
      ...spec,
    },
    status,
  };
}

async function resolve(
  request: CertificateSigningRequest,
  options: {
    readonly states?: Readonly<Record<string, IssuerState>>;
    readonly result?: SignResult;
    readonly mayReference?: boolean;
    readonly signsWith?: Signer['signsWith'];
  } = {},
): Promise<SigningRequestOutcome & { readonly signed?: SigningRequest }> {
  const { mayReference = true, result = { result: 'issued', issued: { certificate: 'leaf' } } } = options;
  let signed: SigningRequest | undefined;
  const ready: IssuerState = {
    state: 'ready',
    reason: '',
    message: '',
    anchors: [],
    signer: {
      signsWith: options.signsWith ?? 'authority',
      sign: (asked) => {
        signed = asked;
        return Promise.resolve(result);
      },
    },
  };
  const states = options.states ?? { 'ClusterIssuer/ca': ready, 'Issuer/web/ca': ready };
  const outcome = await resolveSigningRequest(
    request,
    { clusterResourceNamespace: 'certmount' },
    {
      now: () => now,
      issuer: (key) => states[issuerKeyText(key)],
      mayReference: () => Promise.resolve(mayReference),
    },
  );
  return { ...outcome, ...(signed && { signed }) };
}

/** Outcome and reason. */
async function reasonOf(...args: Parameters<typeof resolve>): Promise<string> {
  const outcome = await resolve(...args);
  return 'reason' in outcome ? `${outcome.outcome} ${outcome.reason}` : outcome.outcome;
}

describe('a CertificateSigningRequest', () => {
  it('is left alone when it is not to an issuer, or finished', async () => {
    for (const signerName of [
      'kubernetes.io/kube-apiserver-client',
      'issuers.cert-manager.io/ca',
      'issuers.cert-manager.io/.ca',
      'issuers.example.com/web.ca',
      'clusterissuers.cert-manager.io/',
    ]) {
      assert.equal(await reasonOf(await newSigningRequest({ spec: { signerName } })), 'leave', signerName);
    }
    for (const type of ['Denied', 'Failed']) {
      const conditions = [approved, { type, status: 'True' }];
      assert.equal(await reasonOf(await newSigningRequest({ status: { conditions } })), 'leave');
    }
    const issued = { conditions: [approved], certificate: 'bGVhZg==' };
    assert.equal(await reasonOf(await newSigningRequest({ status: issued })), 'leave');
  });

  it('waits for somebody who approves it', async () => {
    assert.equal(await reasonOf(await newSigningRequest({ status: {} })), 'waiting WaitingApproval');
  });

  it('is signed with its usages and its lifetime', async () => {
    const { signed } = await resolve(await newSigningRequest({ spec: { expirationSeconds: 7200 } }));
    assert.equal(signed?.checked.duration, 7_200_000);
    assert.deepEqual(signed.checked.usages, { keyUsages: [], extendedKeyUsages: ['clientAuth'] });
    const usual = await resolve(await newSigningRequest());
    assert.equal(usual.signed?.checked.duration, 90 * 86_400_000);
  });

  it('asks for another lifetime or an authority by annotation', async () => {
    const { duration, isCA } = signingRequestAnnotations;
    const request = await newSigningRequest({
      spec: { expirationSeconds: 7200, usages: ['cert sign'] },
      annotations: { [duration]: '10m', [isCA]: 'true' },
    });
    const { signed } = await resolve(request);
    assert.deepEqual([signed?.checked.duration, signed?.checked.isCA], [600_000, true]);
  });

  it('keeps the bounds that it asks for of an authority, and fails when it is for none', async () => {
    const permitted = sequence(encode(0xa0, sequence(encode(0x82, Buffer.from('web.example')))));
    const csr = forgeRequest(await newKey(), { extensions: [forgeExtension('2.5.29.30', permitted)] });
    const spec = { request: base64(csr) };
    const annotations = { [signingRequestAnnotations.isCA]: 'true' };
    const { signed } = await resolve(await newSigningRequest({ spec, annotations }));
    assert.deepEqual(signed?.checked.csr.nameConstraints, { critical: false, value: permitted });
    const outcome = await resolve(await newSigningRequest({ spec }));
    assert.ok(outcome.outcome === 'failed');
    assert.match(outcome.message, /the CSR has NameConstraints/);
  });

  it('fails for a lifetime that is none or too short', async () => {
    const { duration } = signingRequestAnnotations;
    const of = async (text: string): Promise<string> =>
      reasonOf(await newSigningRequest({ annotations: { [duration]: text } }));
    assert.equal(await of('9m59s'), 'failed InvalidDuration');
    assert.equal(await of('long'), 'failed ErrorParseDuration');
    const outcome = await resolve(await newSigningRequest({ annotations: { [duration]: '9m' } }));
    assert.ok('message' in outcome);
    assert.equal(
      outcome.message,
      'CertificateSigningRequest minimum allowed duration is 10m0s, requested 9m0s',
    );
  });

  it('to an Issuer needs the permission to reference it', async () => {
    const request = await newSigningRequest({ spec: { signerName: namespaced } });
    assert.equal(await reasonOf(request, { mayReference: false }), 'failed DeniedReference');
    assert.equal(await reasonOf(request), 'issued');
    assert.equal(await reasonOf(await newSigningRequest(), { mayReference: false }), 'issued');
  });

  it('fails when it is not one', async () => {
    const spec = { request: base64('hello') };
    assert.equal(await reasonOf(await newSigningRequest({ spec })), 'failed SigningError');
  });

  it('waits for its issuer', async () => {
    const request = await newSigningRequest();
    assert.equal(await reasonOf(request, { states: {} }), 'waiting IssuerNotFound');
    const by = (state: IssuerState): Promise<string> =>
      reasonOf(request, { states: { 'ClusterIssuer/ca': state } });
    assert.equal(await by({ state: 'not-ready', reason: '', message: '' }), 'waiting IssuerNotReady');
    assert.equal(await by({ state: 'typeless' }), 'waiting IssuerTypeMissing');
    assert.equal(await by({ state: 'not-supported', type: 'acme' }), 'waiting IssuerTypeNotSupported');
    assert.equal(await by({ state: 'loading' }), 'leave');
  });

  it('to a SelfSigned issuer names the Secret of its key, where the Secrets of the issuer are', async () => {
    const annotations = { [signingRequestAnnotations.privateKeySecret]: 'key' };
    const signing = async (signerName: string): Promise<object | undefined> => {
      const { signed } = await resolve(await newSigningRequest({ spec: { signerName }, annotations }));
      const { name: _, uid: __, ...rest } = signed?.request.metadata ?? {};
      return rest;
    };
    const expected = { 'cert-manager.io/private-key-secret-name': 'key' };
    assert.deepEqual(await signing(cluster), { namespace: 'certmount', annotations: expected });
    assert.deepEqual(await signing(namespaced), { namespace: 'web', annotations: expected });
  });

  it('to a SelfSigned issuer is told in the words of the controller for these', async () => {
    const result = (problem: RequestProblem): SignResult => ({
      result: 'problem',
      problem,
      message: 'x',
      awaits: { namespace: 'web', name: 'key' },
    });
    const by = (options: Parameters<typeof resolve>[1]): ReturnType<typeof resolve> =>
      newSigningRequest().then((request) => resolve(request, { ...options, signsWith: 'own-key' }));
    const issued = await by({});
    assert.ok(issued.outcome === 'issued');
    assert.equal(issued.note, 'Certificate self signed successfully');
    const failed = await by({ result: result('SigningError') });
    assert.ok(failed.outcome === 'failed' && failed.reason === 'ErrorSigning');
    for (const [problem, message] of [
      ['MissingSecret', 'Referenced Secret web/key not found'],
      ['ErrorParsingKey', 'Failed to parse signing key from secret web/key'],
    ] as const) {
      const waiting = await by({ result: result(problem) });
      assert.ok(waiting.outcome === 'waiting');
      assert.equal(waiting.message, message);
      assert.deepEqual(waiting.until, { namespace: 'web', name: 'key' });
    }
  });

  for (const [problem, expected] of [
    ['MissingAnnotation', 'failed MissingAnnotation'],
    ['ErrorKeyMatch', 'failed ErrorKeyMatch'],
    ['SigningError', 'failed SigningError'],
    ['MissingSecret', 'waiting SecretNotFound'],
    ['ErrorParsingKey', 'waiting ErrorParsingKey'],
    ['ErrorGettingSecret', 'waiting ErrorGettingSecret'],
  ] as const) {
    it(`says what its signer says: ${problem}`, async () => {
      const result: SignResult = { result: 'problem', problem, message: 'x' };
      assert.equal(await reasonOf(await newSigningRequest(), { result }), expected);
    });
  }
});
