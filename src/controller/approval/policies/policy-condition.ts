import type { CertificateRequestPolicy } from '../../../api/certificate-request-policy.ts';
import { getCondition } from '../../../api/condition.ts';
import type { Condition } from '../../../api/condition.ts';
import type { KnownPolicy } from '../../../policy/index.ts';

export type ReadyCondition = Required<Pick<Condition, 'status' | 'reason' | 'message'>>;

/** A condition holds 32 KiB of it, but the first faults say enough. */
const longestMessage = 4096;

/** What the policy's Ready condition should say, in the words that approver-policy's users know. */
export function readyCondition({ compilation }: KnownPolicy): ReadyCondition {
  if (compilation.outcome === 'compiled') {
    return {
      status: 'True',
      reason: 'Ready',
      message: 'CertificateRequestPolicy is ready for approval evaluation',
    };
  }
  const faults = compilation.faults.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return {
    status: 'False',
    reason: 'NotReady',
    message: `CertificateRequestPolicy is not ready for approval evaluation: ${faults}`.slice(
      0,
      longestMessage,
    ),
  };
}

/** Whether the condition that is written says it already, and of this generation. */
export function saysSo({ metadata, status }: CertificateRequestPolicy, wanted: ReadyCondition): boolean {
  const present = getCondition(status?.conditions, 'Ready');
  return (
    present?.status === wanted.status &&
    present.reason === wanted.reason &&
    present.message === wanted.message &&
    present.observedGeneration === metadata.generation
  );
}
