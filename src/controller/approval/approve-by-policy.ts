import { policyGroup } from '../../api/certificate-request-policy.ts';
import { ApiError } from '../../api/errors.ts';
import { isPkiError } from '../../pki/index.ts';
import { certificateOf, policyPodOf, serviceAccountSubject } from '../../policy/index.ts';
import type {
  PolicyDecision,
  PolicyJudge,
  PolicyPod,
  PolicyRequest,
  PolicySubject,
  RequestedCertificate,
  Surroundings,
} from '../../policy/index.ts';
import type { ApprovalDecision, ApprovalSubject, Approver } from './approver.ts';
import type { ApprovalMetrics, ApprovalReason } from './approval-metrics.ts';
import type { Facts, FactSources } from './facts/facts.ts';
import { checkPod } from './proof/check-pod.ts';
import type { ClaimedPod } from './proof/check-pod.ts';
import { unproven } from './proof/proof-failure.ts';
import type { Unproven } from './proof/proof-failure.ts';
import { requesterOf } from './requester.ts';
import type { RequesterOptions } from './requester.ts';

export interface ApproveByPolicyOptions {
  readonly requesters: RequesterOptions;
  readonly surroundings: Surroundings;
}

export interface ApproveByPolicyDependencies {
  readonly facts: FactSources;
  readonly judge: PolicyJudge;
  /** Asked about what no policy has anything to do with. Where it leaves it, the message is why no policy decided. */
  readonly otherwise: Approver;
  readonly metrics: Pick<ApprovalMetrics, 'decided'>;
}

/** Of denials for which no policy was asked. */
const proofReason = 'certmount.io';

type Verdict =
  | { readonly verdict: 'unproven'; readonly unproven: Unproven }
  | { readonly verdict: 'judged'; readonly decision: PolicyDecision };

/**
 * Approves what the policies allow: to drivers only what they may have for pods that are proven to be on their node, to
 * everybody else by the policies that they may use.
 */
export class ApproveByPolicy implements Approver {
  readonly #options: ApproveByPolicyOptions;
  readonly #deps: ApproveByPolicyDependencies;

  constructor(options: ApproveByPolicyOptions, deps: ApproveByPolicyDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  async decide(subject: ApprovalSubject): Promise<ApprovalDecision> {
    const requester = requesterOf(subject.request, this.#options.requesters);
    if (requester.kind === 'for-no-pod') return this.#deny(requester.unproven);
    const certificate = readCertificate(subject);
    if ('failure' in certificate) {
      // Of somebody else's it is not for this to say that it is wrong: the check that follows approval does.
      return requester.kind === 'for-pod'
        ? this.#deny(certificate)
        : this.#leaveToOthers(subject, certificate.message);
    }
    const verdict =
      requester.kind === 'other'
        ? await this.#judge(this.#policyRequest(subject, certificate, requester.subject, undefined))
        : await this.#judgeForPod(subject, certificate, requester.pod);
    if (verdict.verdict === 'unproven') return this.#deny(verdict.unproven);
    return this.#conclude(subject, verdict.decision);
  }

  /** Nothing is denied for what the watches say: the pod may be younger than what they know, or its address, or a service. */
  async #judgeForPod(
    subject: ApprovalSubject,
    certificate: RequestedCertificate,
    claimed: ClaimedPod,
  ): Promise<Verdict> {
    const { live, watched } = this.#deps.facts;
    const first = await this.#judgeWith(subject, certificate, claimed, watched);
    const isDenial = first.verdict === 'unproven' || first.decision.decision === 'deny';
    return isDenial ? this.#judgeWith(subject, certificate, claimed, live) : first;
  }

  async #judgeWith(
    subject: ApprovalSubject,
    certificate: RequestedCertificate,
    claimed: ClaimedPod,
    facts: Facts,
  ): Promise<Verdict> {
    const check = await checkPod(claimed, facts);
    if (!check.proven) return { verdict: 'unproven', unproven: check };
    const services = await facts.services(claimed.namespace);
    const pod = policyPodOf(check.pod, services, this.#options.surroundings);
    return this.#judge(this.#policyRequest(subject, certificate, serviceAccountSubject(pod), pod));
  }

  async #judge(request: PolicyRequest): Promise<Verdict> {
    return { verdict: 'judged', decision: await this.#deps.judge.decide(request) };
  }

  #policyRequest(
    { request: { metadata, spec } }: ApprovalSubject,
    certificate: RequestedCertificate,
    subject: PolicySubject,
    pod: PolicyPod | undefined,
  ): PolicyRequest {
    const { name = '', namespace = '' } = metadata;
    return { namespace, name, issuer: spec.issuerRef, subject, certificate, pod };
  }

  async #conclude(subject: ApprovalSubject, decision: PolicyDecision): Promise<ApprovalDecision> {
    const { metrics } = this.#deps;
    switch (decision.decision) {
      case 'approve': {
        metrics.decided('approved', 'policy');
        const message = `Approved by CertificateRequestPolicy: "${decision.policy}"`;
        return { decision: 'approve', reason: policyGroup, message };
      }
      case 'deny':
        metrics.decided('denied', 'policy');
        return { decision: 'deny', reason: policyGroup, message: decision.message };
      case 'leave':
        // A policy that is not ready may be about to say no: nobody else is asked then.
        return decision.because === 'no-policy'
          ? this.#leaveToOthers(subject, decision.message)
          : this.#leave(decision.because, decision.message);
    }
  }

  #deny({ failure, message }: Unproven): ApprovalDecision {
    this.#deps.metrics.decided('denied', failure);
    return { decision: 'deny', reason: proofReason, message };
  }

  #leave(reason: ApprovalReason, message: string): ApprovalDecision {
    this.#deps.metrics.decided('left', reason);
    return { decision: 'leave', message };
  }

  async #leaveToOthers(subject: ApprovalSubject, message: string): Promise<ApprovalDecision> {
    const decision = await this.#deps.otherwise.decide(subject);
    return decision.decision === 'leave' ? { decision: 'leave', message } : decision;
  }
}

function readCertificate(subject: ApprovalSubject): RequestedCertificate | Unproven {
  try {
    return certificateOf(subject.request, subject.csr());
  } catch (error) {
    if (isPkiError(error)) {
      const message = `spec.request: not a usable certificate signing request: ${error.message}`;
      return unproven('unreadable', message);
    }
    if (error instanceof ApiError) return unproven('unreadable', `spec.duration: ${error.message}`);
    throw error;
  }
}
