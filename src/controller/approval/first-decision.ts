import type { Approver } from './approver.ts';

/** Asks one approver after the other; the first that does not leave the request alone decides. */
export function firstDecision(approvers: readonly Approver[]): Approver {
  return {
    async decide(subject) {
      for (const approver of approvers) {
        const decision = await approver.decide(subject);
        if (decision.decision !== 'leave') return decision;
      }
      return { decision: 'leave' };
    },
  };
}
