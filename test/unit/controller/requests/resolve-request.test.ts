import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import type { ApprovalDecision } from '../../../../src/controller/approval/approver.ts';
import type { IssuerState } from '../../../../src/controller/issuers/issuer-state.ts';
import type { SignResult } from '../../../../src/controller/issuers/signer.ts';
import type { RequestOutcome } from '../../../../src/controller/requests/outcome.ts';
import { resolveRequest } from '../../../../src/controller/requests/resolve-request.ts';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import { encodeKeyUsages } from '../../../../src/pki/extensions/usages.ts';
import type { KeyUsage } from '../../../../src/pki/index.ts';
import { forgeExtension, forgeRequest } from '../../pki/support/forge.ts';
import type { ForgedRequest } from '../../pki/support/forge.ts';
import { base64, condition, newCsr, newKey, newRequest, now } from '../builders.ts';

const csr = base64(await newCsr());
const approved = condition('Approved', 'True', 'cert-manager.io');
const approval = { reason: 'certmount.io', message: 'yes' };
const issued: SignResult = { result: 'issued', issued: { certificate: 'leaf', ca: 'root' } };

function ready(result: SignResult = issued): IssuerState {
  return {
    state: 'ready',
    reason: '',
    message: '',
    anchors: [],
    signer: { signsWith: 'authority', sign: () => Promise.resolve(result) },
  };
}

interface World {
  readonly decision?: ApprovalDecision;
  readonly issuer?: IssuerState | undefined;
  readonly warnings?: string[];
}

function resolve(request: CertificateRequest, world: World = { issuer: ready() }): Promise<RequestOutcome> {
  return resolveRequest(request, {
    now: () => now,
    approver: { decide: () => Promise.resolve(world.decision ?? { decision: 'approve', ...approval }) },
    issuer: () => world.issuer,
    onWarning: (_, { reason }) => void world.warnings?.push(reason),
  });
}

describe('what comes of a request', () => {
  it('is a certificate, with the approval that it needed', async () => {
    assert.deepEqual(await resolve(newRequest({ request: csr })), {
      outcome: 'issued',
      approval,
      issued: { certificate: 'leaf', ca: 'root' },
    });
  });

  it('is a certificate alone when another approver had approved it', async () => {
    const request = newRequest({ request: csr, conditions: [approved] });
    const decision = { decision: 'leave', message: 'no policy applies' } as const;
    const outcome = await resolve(request, { issuer: ready(), decision });
    assert.deepEqual(outcome, { outcome: 'issued', issued: { certificate: 'leaf', ca: 'root' } });
  });

  it('is nothing but the cause while no approver has spoken', async () => {
    const outcome = await resolve(newRequest({ request: csr }), {
      issuer: ready(),
      decision: { decision: 'leave', message: 'no policy applies' },
    });
    assert.deepEqual(outcome, { outcome: 'unapproved', message: 'no policy applies' });
  });

  it('is a denial, by us or by another', async () => {
    const verdict = { reason: 'certmount.io', message: 'no' };
    assert.deepEqual(
      await resolve(newRequest({ request: csr }), { decision: { decision: 'deny', ...verdict } }),
      {
        outcome: 'denied',
        verdict,
      },
    );
    const request = newRequest({ request: csr, conditions: [condition('Denied', 'True', 'policy')] });
    assert.deepEqual(await resolve(request), { outcome: 'denied' });
  });

  it('is nothing for what is final or not ours', async () => {
    const failed = newRequest({
      request: csr,
      conditions: [approved, condition('Ready', 'False', 'Failed')],
    });
    assert.deepEqual(await resolve(failed), { outcome: 'leave' });
    const issuerRef = { name: 'a', group: 'other.io' };
    const other = newRequest({ request: csr, issuerRef, conditions: [approved] });
    assert.deepEqual(await resolve(other), { outcome: 'leave' });
  });

  it("is the approver's word alone for another group's issuer", async () => {
    const other = newRequest({ request: csr, issuerRef: { name: 'a', group: 'other.io' } });
    assert.deepEqual(await resolve(other), { outcome: 'decided', decision: 'Approved', verdict: approval });
    const deny = { decision: 'deny', reason: 'r', message: 'm' } as const;
    const verdict = { reason: 'r', message: 'm' };
    assert.deepEqual(await resolve(other, { decision: deny }), {
      outcome: 'decided',
      decision: 'Denied',
      verdict,
    });
    const leave = { decision: 'leave', message: 'no policy applies' } as const;
    assert.deepEqual(await resolve(other, { decision: leave }), {
      outcome: 'unapproved',
      message: 'no policy applies',
    });
  });

  it("is a denial of what another group's issuer could take over from the CSR, and no policy has seen", async () => {
    const issuerRef = { name: 'a', group: 'other.io' };
    const usages = ['digital signature', 'client auth'] as const;
    const attribute = (oid: string): Buffer => sequence(encodeOid(oid), encode(0x31, sequence()));
    const keyUsage = (usage: KeyUsage): Buffer => forgeExtension('2.5.29.15', encodeKeyUsages([usage]));
    const purpose = (oid: string): Buffer => forgeExtension('2.5.29.37', sequence(encodeOid(oid)));
    const other = 'must not be in a request for an issuer of another group';
    const refused: [ForgedRequest, string][] = [
      [
        { extensions: [keyUsage('keyCertSign')] },
        "the KeyUsages ['cert sign'] do not match the expected KeyUsages ['digital signature']",
      ],
      [
        { extensions: [purpose('2.5.29.37.0')] },
        "the ExtKeyUsages ['any'] do not match the expected ExtKeyUsages ['client auth']",
      ],
      [
        { extensions: [purpose('1.2.3')] },
        "the ExtKeyUsages ['1.2.3'] do not match the expected ExtKeyUsages ['client auth']",
      ],
      [
        { extensions: [forgeExtension('1.3.6.1.4.1.311.25.2', sequence())] },
        `the extension 1.3.6.1.4.1.311.25.2 ${other}`,
      ],
      [
        { attributes: encode(0xa0, attribute('1.3.6.1.4.1.311.2.1.14'), attribute('1.2.3')) },
        `the attribute 1.3.6.1.4.1.311.2.1.14 and 1 more ${other}`,
      ],
    ];
    for (const [forged, message] of refused) {
      const request = base64(forgeRequest(await newKey(), forged));
      assert.deepEqual(await resolve(newRequest({ request, issuerRef, usages: [...usages] })), {
        outcome: 'decided',
        decision: 'Denied',
        verdict: { reason: 'certmount.io', message: `encoded CSR error: ${message}` },
      });
    }
    const extensions = [keyUsage('digitalSignature'), purpose('1.3.6.1.5.5.7.3.2')];
    const request = base64(forgeRequest(await newKey(), { extensions }));
    const outcome = await resolve(newRequest({ request, issuerRef, usages: [...usages] }));
    assert.deepEqual(outcome, { outcome: 'decided', decision: 'Approved', verdict: approval });
  });

  it("is not looked at in another group's request that is not approved here", async () => {
    const request = base64('garbage');
    const issuerRef = { name: 'a', group: 'other.io' };
    const leave = { decision: 'leave', message: 'no policy applies' } as const;
    assert.deepEqual(await resolve(newRequest({ request, issuerRef }), { decision: leave }), {
      outcome: 'unapproved',
      message: 'no policy applies',
    });
    const deny = { decision: 'deny', reason: 'r', message: 'm' } as const;
    const denied = await resolve(newRequest({ request, issuerRef }), { decision: deny });
    assert.deepEqual(denied, {
      outcome: 'decided',
      decision: 'Denied',
      verdict: { reason: 'r', message: 'm' },
    });
  });

  it('is a failure for a CSR that can never work, whatever the issuer is', async () => {
    const outcome = await resolve(newRequest({ request: base64('garbage') }), { issuer: undefined });
    assert.ok(outcome.outcome === 'problem');
    assert.equal(outcome.problem, 'InvalidRequest');
    assert.deepEqual(outcome.approval, approval);
  });

  it('waits for what is not known yet', async () => {
    assert.deepEqual(await resolve(newRequest({ request: csr }), { issuer: { state: 'loading' } }), {
      outcome: 'hold',
    });
  });

  it("carries a signer's problem and what may mend it", async () => {
    const awaits = { namespace: 'web', name: 'key' };
    const issuer = ready({ result: 'problem', problem: 'MissingSecret', message: 'no key', awaits });
    assert.deepEqual(await resolve(newRequest({ request: csr }), { issuer }), {
      outcome: 'problem',
      approval,
      problem: 'MissingSecret',
      message: 'no key',
      awaits,
    });
  });

  it('tells of a warning', async () => {
    const warnings: string[] = [];
    const issuer = ready({ ...issued, warning: { reason: 'BadConfig', message: '' } });
    await resolve(newRequest({ request: csr }), { issuer, warnings });
    assert.deepEqual(warnings, ['BadConfig']);
  });
});

describe('a request whose issuer cannot sign', () => {
  const cases: [string, IssuerState | undefined, string, string][] = [
    [
      'is missing',
      undefined,
      'IssuerNotFound',
      'Referenced "Issuer" not found: issuer.cert-manager.io "ca" not found',
    ],
    [
      'has no type',
      { state: 'typeless' },
      'IssuerTypeMissing',
      'Missing issuer type: no issuer specified for Issuer/web/ca',
    ],
    [
      'is of a type that is not served',
      { state: 'not-supported', type: 'vault' },
      'IssuerTypeNotSupported',
      'Referenced issuer is of type vault, which this version of certmount does not support',
    ],
    [
      'is not ready',
      { state: 'not-ready', reason: 'ErrGetKeyPair', message: 'secrets "secret-of-others" not found' },
      'IssuerNotReady',
      'Referenced issuer does not have a Ready status condition (ErrGetKeyPair)',
    ],
  ];
  for (const [name, issuer, problem, message] of cases) {
    it(`says that it ${name}`, async () => {
      const outcome = await resolve(newRequest({ request: csr }), { issuer });
      assert.deepEqual(outcome, { outcome: 'problem', approval, problem, message });
    });
  }

  it('says that its kind does not exist', async () => {
    const outcome = await resolve(newRequest({ request: csr, issuerRef: { name: 'ca', kind: 'Isuer' } }));
    assert.deepEqual(outcome, {
      outcome: 'problem',
      approval,
      problem: 'IssuerTypeMissing',
      message: 'Missing issuer type: spec.issuerRef.kind "Isuer" must be one of Issuer or ClusterIssuer',
    });
  });
});
