import type { Approver } from './approver.ts';
import { isForeign } from '../requests/phase.ts';
import type { ApprovalMetrics } from './approval-metrics.ts';

type Metrics = Pick<ApprovalMetrics, 'decided'>;

/**
 * cert-manager's built-in approver: reason and message are those that its users look for. Not of what others sign, as theirs is
 * not, and not of nobody where policies say who may have what: whoever they refuse would only have to leave out who it is.
 *
 * @param hasPolicies whether there are policies beside the default one
 */
export function approveOthers(hasPolicies: () => boolean, metrics: Metrics): Approver {
  const others = leaveOthers(metrics);
  return {
    decide: (subject) => {
      const isNobody = (subject.request.spec.username ?? '') === '';
      if (isForeign(subject.request) || (isNobody && hasPolicies())) return others.decide(subject);
      metrics.decided('approved', 'approve-all');
      return Promise.resolve({
        decision: 'approve',
        reason: 'cert-manager.io',
        message: 'Certificate request has been approved by cert-manager.io',
      });
    },
  };
}

/** Another approver in the cluster may have a word for it. */
export function leaveOthers(metrics: Metrics): Approver {
  return {
    decide: () => {
      metrics.decided('left', 'no-policy');
      // Why the policies did not decide is said by them.
      return Promise.resolve({ decision: 'leave', message: '' });
    },
  };
}
