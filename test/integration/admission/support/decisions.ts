import type { Condition } from '../../../../src/api/condition.ts';
import { condition } from '../../../unit/controller/builders.ts';

/** For a merge patch of the status, which replaces the conditions by these. */
export function conditions(...all: readonly Condition[]): { status: { conditions: Condition[] } } {
  return { status: { conditions: [...all] } };
}

export const approved = condition('Approved', 'True', 'Policy', 'by the test');
export const denied = condition('Denied', 'True', 'Policy', 'by the test');
export const pending = condition('Ready', 'False', 'Pending');
export const ready = condition('Ready', 'True', 'Issued');
export const invalid = condition('InvalidRequest', 'True', 'Wrong');

/** Role rules as for every approver: the status of requests, and nothing else of them. */
export const statusRules = [
  {
    apiGroups: ['cert-manager.io'],
    resources: ['certificaterequests/status'],
    verbs: ['get', 'update', 'patch'],
  },
];

export function signers(group: string, verb: string, ...resourceNames: readonly string[]): object {
  return {
    apiGroups: [group],
    resources: ['signers'],
    verbs: [verb],
    ...(resourceNames.length > 0 && { resourceNames }),
  };
}
