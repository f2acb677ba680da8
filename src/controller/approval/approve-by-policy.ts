import { policyGroup } from '../../api/certificate-request-policy.ts';
import { ApiError } from '../../api/errors.ts';
import { isPkiError } from '../../pki/index.ts';
import { certificateOf, serviceAccountSubject } from '../../policy/index.ts';
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
import type { FactSources } from './facts/facts.ts';
import { judgeForPod } from './judge-for-pod.ts';
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
  /** Asked about what is for no pod and no policy applies to. Where it leaves it, the message is why no policy decided. */
  readonly otherwise: Approver;
  readonly metrics: Pick<ApprovalMetrics, 'decided'>;
}

/** Of denials for which no policy was asked. */
const proofReason = 'certmount.io';

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
    if (requester.kind === 'other') {
      const request = this.#policyRequest(subject, certificate, requester.subject, undefined);
      const decision = await this.#deps.judge.decide(request);
      // A policy that is not ready may be about to say no: nobody else is asked then.
      return decision.decision === 'leave' && decision.because === 'no-policy'
        ? this.#leaveToOthers(subject, decision.message)
        : this.#conclude(decision);
    }
    const verdict = await judgeForPod(
      requester.pod,
      (pod) => this.#policyRequest(subject, certificate, serviceAccountSubject(pod), pod),
      { ...this.#deps, surroundings: this.#options.surroundings },
    );
    return verdict.proven ? this.#conclude(verdict.decision) : this.#deny(verdict);
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

  #conclude(decision: PolicyDecision): ApprovalDecision {
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
        return this.#leave(
          decision.because === 'no-policy' ? 'no-policy' : 'not-known-yet',
          decision.message,
        );
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
