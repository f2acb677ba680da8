import type { Approver } from './approver.ts';
import type { ApprovalMetrics } from './approval-metrics.ts';

type Metrics = Pick<ApprovalMetrics, 'decided'>;

/** cert-manager's built-in approver: reason and message are those that its users look for. */
export function approveOthers(metrics: Metrics): Approver {
  return {
    decide: () => {
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
      return Promise.resolve({ decision: 'leave', message: 'no CertificateRequestPolicy applies' });
    },
  };
}
