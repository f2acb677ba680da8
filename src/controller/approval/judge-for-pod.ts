import { policyPodOf } from '../../policy/index.ts';
import type {
  PolicyDecision,
  PolicyJudge,
  PolicyPod,
  PolicyRequest,
  Surroundings,
} from '../../policy/index.ts';
import type { Facts, FactSources } from './facts/facts.ts';
import { checkPod } from './proof/check-pod.ts';
import type { ClaimedPod } from './proof/check-pod.ts';
import type { Unproven } from './proof/proof-failure.ts';

export interface PodJudgeDependencies {
  readonly facts: FactSources;
  readonly judge: PolicyJudge;
  readonly surroundings: Surroundings;
}

export type PodVerdict = Unproven | { readonly proven: true; readonly decision: PolicyDecision };

/**
 * What the policies say of a certificate for a pod, once there is proven to be such a pod. Nothing is denied for what the
 * watches say: the pod may be younger than what they know, or its address, or a service. Nor is a pod that they do not know
 * yet approved unseen, because policies may go by its labels.
 *
 * @param requestFor what is asked for, for the pod as the cluster has it
 * @throws KubeError when a live read fails
 */
export async function judgeForPod(
  claimed: ClaimedPod,
  requestFor: (pod: PolicyPod) => PolicyRequest,
  deps: PodJudgeDependencies,
): Promise<PodVerdict> {
  const { live, watched } = deps.facts;
  const first = await judgeWith(watched, claimed, requestFor, deps);
  const isDenial = !first.proven || first.decision.decision === 'deny';
  return isDenial ? judgeWith(live, claimed, requestFor, deps) : first;
}

async function judgeWith(
  facts: Facts,
  claimed: ClaimedPod,
  requestFor: (pod: PolicyPod) => PolicyRequest,
  { judge, surroundings }: PodJudgeDependencies,
): Promise<PodVerdict> {
  const check = await checkPod(claimed, facts);
  if (!check.proven) return check;
  const pod = policyPodOf(check.pod, await facts.services(claimed.namespace), surroundings);
  return { proven: true, decision: await judge.decide(requestFor(pod)) };
}
