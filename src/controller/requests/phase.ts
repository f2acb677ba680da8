import type { CertificateRequest } from '../../api/certificate-request.ts';
import { getCondition, isConditionTrue } from '../../api/condition.ts';
import { certManagerGroup, resolveIssuerReference } from '../../api/issuer-reference.ts';

/** Where a request stands, from what is written on it alone. */
export type RequestPhase =
  /** Of another group's issuer, or being deleted: never touched. */
  | 'not-ours'
  /** Issued, failed, invalid or denied, and written so: never touched again. */
  | 'final'
  /** Denied by an approver; its Ready condition does not say so yet. */
  | 'denied'
  | 'unapproved'
  | 'approved';

export function phaseOf(request: CertificateRequest): RequestPhase {
  if (resolveIssuerReference(request.spec.issuerRef).group !== certManagerGroup) return 'not-ours';
  if (request.metadata.deletionTimestamp !== undefined) return 'not-ours';

  const conditions = request.status?.conditions;
  const ready = getCondition(conditions, 'Ready');
  if (ready?.status === 'True' || finalReasons.has(ready?.reason ?? '')) return 'final';
  if (isConditionTrue(conditions, 'Denied')) return 'denied';
  if (isConditionTrue(conditions, 'InvalidRequest') || hasText(request.status?.certificate)) return 'final';
  return isConditionTrue(conditions, 'Approved') ? 'approved' : 'unapproved';
}

/** Whether the controller may still have something to do for it. */
export function isOpen(request: CertificateRequest): boolean {
  const phase = phaseOf(request);
  return phase !== 'not-ours' && phase !== 'final';
}

const finalReasons: ReadonlySet<string> = new Set(['Issued', 'Failed', 'Denied']);

function hasText(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}
