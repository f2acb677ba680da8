import type { CertificateRequestPolicy } from '../api/certificate-request-policy.ts';
import { getCondition } from '../api/condition.ts';
import type { Compilation } from './compile.ts';

/** Whether the policy may decide: `unknown` until its present generation has a Ready condition. */
export type PolicyReadiness = 'ready' | 'not-ready' | 'unknown';

/** A policy of the cluster with all that is known of it. */
export interface KnownPolicy {
  readonly name: string;
  readonly spec: CertificateRequestPolicy['spec'];
  readonly compilation: Compilation;
  readonly readiness: PolicyReadiness;
}

/** The policy as it stands in the cluster: what its Ready condition says of this generation of it. */
export function knownPolicy(policy: CertificateRequestPolicy, compilation: Compilation): KnownPolicy {
  const { generation, name = '' } = policy.metadata;
  const ready = getCondition(policy.status?.conditions, 'Ready');
  const isCurrent = ready !== undefined && ready.observedGeneration === generation;
  const readiness = !isCurrent ? 'unknown' : ready.status === 'True' ? 'ready' : 'not-ready';
  return { name, spec: policy.spec, compilation, readiness };
}
