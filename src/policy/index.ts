export { certificateOf } from './certificate-of.ts';
export { checkClusterDomain } from './cluster-domain.ts';
export { compile, type CompiledPolicy, type Compilation, type PolicyFault } from './compile.ts';
export { defaultPolicy, defaultPolicyName } from './default-policy.ts';
export { evaluate, type Surroundings, type Violation, violationText } from './evaluate.ts';
export { type KnownPolicy, knownPolicy, type PolicyReadiness } from './known-policy.ts';
export { type PolicyBinding } from './choose-policies.ts';
export { Policies, type PoliciesDependencies, type PoliciesOptions } from './policies.ts';
export { podDnsNames } from './pod-dns-names.ts';
export { podCertificateOf } from './pod-certificates/requested-certificate.ts';
export { parseUserAnnotations, type UserAnnotations } from './pod-certificates/user-annotations.ts';
export { canonicalIp, policyPodOf, serviceAccountSubject } from './policy-pod.ts';
export type {
  LeftDecision,
  PolicyDecision,
  PolicyJudge,
  PolicyPod,
  PolicyRequest,
  PolicySubject,
  RequestedCertificate,
} from './policy-request.ts';
