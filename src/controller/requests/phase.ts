import type { CertificateRequest } from '../../api/certificate-request.ts';
import { getCondition, isConditionTrue } from '../../api/condition.ts';
import { certManagerGroup, resolveIssuerReference } from '../../api/issuer-reference.ts';

/** Where a request stands, from what is written on it alone. */
export type RequestPhase =
  /** Being deleted, or of another group's issuer and decided upon: never touched. */
  | 'not-ours'
  /** Of another group's issuer, whose controller signs it once it is approved: only the decision may be ours. */
  | 'foreign'
  /** Issued, failed, invalid or denied, and written so: never touched again. */
  | 'final'
  /** Denied by an approver; its Ready condition does not say so yet. */
  | 'denied'
  | 'unapproved'
  | 'approved';

export function phaseOf(request: CertificateRequest): RequestPhase {
  if (request.metadata.deletionTimestamp !== undefined) return 'not-ours';
  if (isForeign(request)) return isDecided(request) ? 'not-ours' : 'foreign';

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

/** Whether the issuer is of another group, which has a controller of its own. */
export function isForeign({ spec }: CertificateRequest): boolean {
  return resolveIssuerReference(spec.issuerRef).group !== certManagerGroup;
}

/** By an approver, or by the issuer's own controller without one. */
function isDecided({ status }: CertificateRequest): boolean {
  const { certificate, conditions } = status ?? {};
  const ready = getCondition(conditions, 'Ready');
  return (
    isConditionTrue(conditions, 'Approved') ||
    isConditionTrue(conditions, 'Denied') ||
    ready?.status === 'True' ||
    finalReasons.has(ready?.reason ?? '') ||
    hasText(certificate)
  );
}

const finalReasons: ReadonlySet<string> = new Set(['Issued', 'Failed', 'Denied']);

function hasText(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}
