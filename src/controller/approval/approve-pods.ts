import { formatSpiffeId, isPkiError } from '../../pki/index.ts';
import type { ApprovalDecision, ApprovalSubject, Approver } from './approver.ts';
import { podClaim } from './bound-claims.ts';

export interface ApprovePodsOptions {
  /** Label that the driver puts on its requests: others of a pod's service account are somebody else's to decide. */
  readonly driverLabel: string;
  /** Of the SPIFFE IDs that pods may ask for. */
  readonly trustDomain: string;
}

interface Requester {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The pod that its credentials are bound to. */
  readonly pod: { readonly name: string; readonly uid: string };
}

const reason = 'certmount.io';

/**
 * Approves what the node driver asks for with a pod's own token (`--use-token-request`): for the pod that the token is bound
 * to, no identity but that of its service account, and no CA. Other names are as free as in a request that the driver makes.
 */
export function approvePods({ driverLabel, trustDomain }: ApprovePodsOptions): Approver {
  return {
    async decide(subject) {
      const { metadata, spec } = subject.request;
      const account = serviceAccountOf(spec.username);
      if (account === undefined || metadata.labels?.[driverLabel] === undefined) return { decision: 'leave' };
      const claim = podClaim(spec.extra);
      if (claim.claim === 'none') return { decision: 'leave' };
      if (claim.claim === 'malformed') return deny(claim.message);
      const { name, uid } = claim;
      return judge(subject, { ...account, pod: { name, uid } }, trustDomain);
    },
  };
}

function judge(subject: ApprovalSubject, requester: Requester, trustDomain: string): ApprovalDecision {
  const { metadata, spec } = subject.request;
  const { namespace, pod, serviceAccount } = requester;
  if (metadata.namespace !== namespace) {
    return deny(`the request is in namespace ${metadata.namespace}, its requester in ${namespace}`);
  }
  if (!isOwnedBy(pod, subject)) {
    return deny(
      `metadata.ownerReferences must be pod ${pod.name} with uid ${pod.uid}, to which the requester's credentials are bound`,
    );
  }
  const own = formatSpiffeId({ trustDomain, path: `/ns/${namespace}/sa/${serviceAccount}` });
  const foreign = spiffeIdsOf(subject).find((uri) => uri !== own);
  if (foreign !== undefined) return deny(`${foreign} is not the identity of the requester, which is ${own}`);
  if (spec.isCA === true) return deny('spec.isCA must be false: no pod gets a CA by its own word');
  return {
    decision: 'approve',
    reason,
    message: 'Certificate request has been approved by certmount.io',
  };
}

function deny(message: string): ApprovalDecision {
  return { decision: 'deny', reason, message };
}

function serviceAccountOf(username = ''): Omit<Requester, 'pod'> | undefined {
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

/** As the driver writes it; the request goes away with its owner. */
function isOwnedBy(pod: Requester['pod'], { request }: ApprovalSubject): boolean {
  const [owner, ...more] = request.metadata.ownerReferences ?? [];
  return (
    owner?.apiVersion === 'v1' &&
    owner.kind === 'Pod' &&
    owner.name === pod.name &&
    owner.uid === pod.uid &&
    more.length === 0
  );
}

/** A CSR that cannot be read asks for nothing: the check that follows approval refuses it. */
function spiffeIdsOf(subject: ApprovalSubject): readonly string[] {
  try {
    // The scheme is case-insensitive (SPIFFE-ID §2.1), the rest is compared as it stands.
    return subject.csr().altNames.uris.filter((uri) => /^spiffe:/i.test(uri));
  } catch (error) {
    if (isPkiError(error)) return [];
    throw error;
  }
}
