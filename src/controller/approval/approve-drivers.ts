import type { ApprovalDecision, ApprovalSubject, Approver } from './approver.ts';
import { nodeClaim } from './bound-claims.ts';
import { foreignIdentity } from './foreign-identity.ts';

export interface ApproveDriversOptions {
  /** User names as the API server has them: `system:serviceaccount:NAMESPACE:NAME`. */
  readonly serviceAccounts: readonly string[];
  /** Label by which a driver says on which node the volume is. */
  readonly nodeLabel: string;
  /** Of the SPIFFE IDs that the drivers may ask for. */
  readonly trustDomain: string;
}

const reason = 'certmount.io';

/** Approves what the node drivers ask for, but nothing for another node than their own and no identity of another namespace. */
export function approveDrivers(options: ApproveDriversOptions): Approver {
  const drivers = new Set(options.serviceAccounts);
  return {
    decide: (subject) => Promise.resolve(decide(subject, drivers, options)),
  };
}

function decide(
  subject: ApprovalSubject,
  drivers: ReadonlySet<string>,
  { nodeLabel, trustDomain }: ApproveDriversOptions,
): ApprovalDecision {
  const { metadata, spec } = subject.request;
  if (spec.username === undefined || !drivers.has(spec.username)) return { decision: 'leave' };

  const claim = nodeClaim(spec.extra);
  if (claim.claim === 'malformed') return { decision: 'deny', reason, message: claim.message };
  const labelled = metadata.labels?.[nodeLabel];
  if (claim.claim === 'bound' && labelled !== undefined && !names(labelled, claim.nodeName)) {
    return {
      decision: 'deny',
      reason,
      message: `label ${nodeLabel} is "${labelled}", but the requester's credentials are bound to node "${claim.nodeName}"`,
    };
  }
  const foreign = foreignIdentity(subject, trustDomain);
  if (foreign !== undefined) {
    return {
      decision: 'deny',
      reason,
      message: `${foreign} is not an identity of namespace ${metadata.namespace} in the trust domain ${trustDomain}`,
    };
  }
  return { decision: 'approve', reason, message: 'Certificate request has been approved by certmount.io' };
}

/** A node's name of more than 63 characters does not fit a label, which then holds a digest that proves nothing. */
function names(label: string, nodeName: string): boolean {
  return label === nodeName || nodeName.length > 63;
}
