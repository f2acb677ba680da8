import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { PodCertificateRequest } from '../../../../src/api/pod-certificate-request.ts';
import { checkStatus } from '../../../../src/controller/pod-certificates/check-status.ts';
import { newKey, now } from '../builders.ts';
import { newPodCertificateRequest } from './builders.ts';
import { statusCases } from './status-cases.ts';
import type { StatusCase } from './status-cases.ts';

describe('the rules that the API server has for a status', () => {
  let request: PodCertificateRequest;
  let cases: readonly StatusCase[];

  before(async () => {
    const key = await newKey();
    request = await newPodCertificateRequest({ key });
    cases = await statusCases(key, now);
  });

  it('are known here, each by a case that breaks it and a neighbour that keeps it', () => {
    for (const { what, status, fault } of cases) {
      assert.equal(checkStatus(request, status, now)?.fault, fault, what);
    }
    const faults = new Set(cases.flatMap(({ fault }) => fault ?? []));
    assert.equal(faults.size, 11, 'every rule but that of terminal requests');
  });

  it('let nobody write to a request that has its answer', () => {
    for (const { what, status, fault } of cases) {
      const [condition] = status.conditions ?? [];
      if (fault !== undefined || condition === undefined) continue;
      const answered = { ...request, status };
      assert.equal(checkStatus(answered, status, now)?.fault, 'terminal', what);
    }
  });
});
