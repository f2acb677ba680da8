import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequestStatus } from '../../../../src/api/certificate-request.ts';
import { nextStatus } from '../../../../src/controller/requests/next-status.ts';
import { condition, fromBase64, now } from '../builders.ts';

const approval = { reason: 'certmount.io', message: 'approved' };
const at = '2026-01-01T00:00:00Z';

describe('the status that says an outcome', () => {
  it('approves and issues at once', () => {
    const status = nextStatus(
      undefined,
      { outcome: 'issued', approval, issued: { certificate: 'leaf', ca: 'root' } },
      now,
    );
    assert.deepEqual(status?.conditions, [
      {
        type: 'Approved',
        status: 'True',
        reason: 'certmount.io',
        message: 'approved',
        lastTransitionTime: at,
      },
      {
        type: 'Ready',
        status: 'True',
        reason: 'Issued',
        message: 'Certificate fetched from issuer successfully',
        lastTransitionTime: at,
      },
    ]);
    assert.equal(fromBase64(status.certificate), 'leaf');
    assert.equal(fromBase64(status.ca), 'root');
    assert.equal(status.failureTime, undefined);
  });

  it('leaves out a CA that is not known', () => {
    const status = nextStatus(undefined, { outcome: 'issued', issued: { certificate: 'leaf' } }, now);
    assert.equal(status && 'ca' in status, false);
  });

  it("keeps another approver's approval", () => {
    const conditions = [condition('Approved', 'True', 'policy', 'by policy a')];
    const status = nextStatus({ conditions }, { outcome: 'issued', issued: { certificate: 'leaf' } }, now);
    assert.deepEqual(status?.conditions?.[0], conditions[0]);
  });

  it('denies with a failure time', () => {
    const status = nextStatus(
      undefined,
      { outcome: 'denied', verdict: { reason: 'certmount.io', message: 'no' } },
      now,
    );
    assert.deepEqual(
      status?.conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
      [
        ['Denied', 'True', 'certmount.io', 'no'],
        ['Ready', 'False', 'Denied', 'The CertificateRequest was denied by an approval controller'],
      ],
    );
    assert.equal(status.failureTime, at);
  });

  it('says denied of what another approver denied', () => {
    const conditions = [condition('Denied', 'True', 'policy', 'no')];
    const status = nextStatus({ conditions }, { outcome: 'denied' }, now);
    assert.deepEqual(
      status?.conditions?.map(({ type, reason }) => [type, reason]),
      [
        ['Denied', 'policy'],
        ['Ready', 'Denied'],
      ],
    );
  });

  it('fails what can never work, and marks it invalid', () => {
    const status = nextStatus(
      undefined,
      { outcome: 'problem', approval, problem: 'InvalidRequest', message: 'bad' },
      now,
    );
    assert.deepEqual(
      status?.conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
      [
        ['Approved', 'True', 'certmount.io', 'approved'],
        ['InvalidRequest', 'True', 'InvalidRequest', 'bad'],
        ['Ready', 'False', 'Failed', 'bad'],
      ],
    );
    assert.equal(status.failureTime, at);
  });

  it('lets what may still work wait, without a failure time', () => {
    const status = nextStatus(
      undefined,
      { outcome: 'problem', problem: 'IssuerNotFound', message: 'gone' },
      now,
    );
    assert.deepEqual(
      status?.conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
      [['Ready', 'False', 'Pending', 'gone']],
    );
    assert.equal(status.failureTime, undefined);
  });

  it('is nothing when the status says it already', () => {
    const outcome = { outcome: 'problem', problem: 'IssuerNotFound', message: 'gone' } as const;
    const present: CertificateRequestStatus = {
      conditions: [condition('Ready', 'False', 'Pending', 'gone')],
    };
    assert.equal(nextStatus(present, outcome, now), undefined);
  });

  it('keeps the transition time while only the message changes', () => {
    const present = { conditions: [condition('Ready', 'False', 'Pending', 'gone')] };
    const status = nextStatus(
      present,
      { outcome: 'problem', problem: 'IssuerNotReady', message: 'not ready' },
      now,
    );
    assert.deepEqual(status?.conditions, [
      { ...condition('Ready', 'False', 'Pending', 'not ready'), lastTransitionTime: '2025-12-31T00:00:00Z' },
    ]);
  });

  it('is nothing for what is left alone or not known yet', () => {
    assert.equal(nextStatus(undefined, { outcome: 'leave' }, now), undefined);
    assert.equal(nextStatus(undefined, { outcome: 'unapproved', message: 'why' }, now), undefined);
    assert.equal(nextStatus(undefined, { outcome: 'hold' }, now), undefined);
  });
});
