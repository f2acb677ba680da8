import type { Pod } from '../../../api/core.ts';
import type { Facts } from '../facts/facts.ts';
import type { BoundObject } from './bound-claims.ts';
import { unproven } from './proof-failure.ts';
import type { Unproven } from './proof-failure.ts';

/** The pod that a certificate is to be for, by what proves it. */
export interface ClaimedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Where the pod must be, when that is who asks for it. */
  readonly node?: BoundObject;
  /** Whose the pod must be, when that is who asks for it. */
  readonly serviceAccount?: string;
}

export type PodCheck = { readonly proven: true; readonly pod: Pod } | Unproven;

/**
 * Whether there is such a pod, where it is said to be, and it has not ended.
 *
 * It may end between this and the certificate's last day; what is promised is that it was there when the certificate was
 * signed. With watched facts "there" is as old as an event is on its way, milliseconds as a rule: a pod that is deleted in
 * that time, or between the decision and the status write, gets a certificate that its driver throws away with the volume.
 */
export async function checkPod(claimed: ClaimedPod, facts: Facts): Promise<PodCheck> {
  const { namespace, name, node } = claimed;
  if (node) {
    const uid = await facts.nodeUid(node.name);
    if (uid !== node.uid) return nodeReplaced(node, uid);
  }
  const pod = await facts.pod(namespace, name);
  return podProblem(claimed, pod) ?? { proven: true, pod: pod as Pod };
}

/** The API server holds a token to its pod, but not to the node of its pod, whose name may be another machine's by now. */
function nodeReplaced({ name, uid }: BoundObject, present: string | undefined): Unproven {
  const found = present === undefined ? 'there is no such node' : `that node has uid ${present}`;
  return unproven(
    'node-replaced',
    `the requester's credentials are bound to node "${name}" with uid ${uid}, but ${found}`,
  );
}

function podProblem(claimed: ClaimedPod, pod: Pod | undefined): Unproven | undefined {
  const { name, namespace, node, serviceAccount, uid } = claimed;
  const text = `pod ${namespace}/${name}`;
  if (!pod) return unproven('pod-absent', `${text} does not exist, expected it with uid ${uid}`);
  if (pod.metadata.uid !== uid) {
    return unproven('pod-replaced', `${text} has uid ${pod.metadata.uid ?? ''}, expected ${uid}`);
  }
  const phase = pod.status?.phase ?? '';
  if (phase === 'Succeeded' || phase === 'Failed') {
    return unproven('pod-finished', `${text} has ended (phase ${phase}), expected Pending or Running`);
  }
  const { nodeName = '' } = pod.spec;
  if (nodeName === '' || (node && nodeName !== node.name)) {
    const found = nodeName === '' ? 'no node yet' : `node "${nodeName}"`;
    const expected = node ? `"${node.name}", to which the requester's credentials are bound` : 'one';
    return unproven('pod-elsewhere', `${text} is on ${found}, expected ${expected}`);
  }
  const { serviceAccountName: account = '' } = pod.spec;
  // The API server fills in the default one, but for mirror pods: a node may make those in any namespace, without an account.
  if (account === '') {
    return unproven(
      'no-account',
      `${text} has no service account, and so no identity: it is the mirror of a static pod, which its node says there is`,
    );
  }
  if (serviceAccount !== undefined && account !== serviceAccount) {
    return unproven(
      'foreign-account',
      `${text} runs as service account ${account}, expected ${serviceAccount}, who makes the request`,
    );
  }
  return undefined;
}
