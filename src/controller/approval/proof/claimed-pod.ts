import type { CertificateRequest } from '../../../api/certificate-request.ts';
import type { ServiceAccountName } from '../../../api/service-account.ts';
import type { OwnerReference } from '../../../kube/index.ts';
import { nodeClaim, podClaim } from './bound-claims.ts';
import type { BoundObject } from './bound-claims.ts';
import type { ClaimedPod } from './check-pod.ts';
import { unproven } from './proof-failure.ts';
import type { Unproven } from './proof-failure.ts';

export type Claim = { readonly proven: true; readonly pod: ClaimedPod } | Unproven;

/**
 * The pod that a driver asks for: the one that owns the request, on the node that the driver's credentials are bound to.
 * Whatever else the request says of pod or node proves nothing.
 *
 * @param nodeLabel by which the driver finds its requests again; where it is set it must agree
 */
export function claimOfDriver(request: CertificateRequest, nodeLabel: string): Claim {
  const { metadata, spec } = request;
  const claim = nodeClaim(spec.extra);
  if (claim.claim === 'malformed') return unproven('malformed-claim', claim.message);
  if (claim.claim === 'none') {
    return unproven(
      'no-claim',
      "the requester's credentials are not bound to a node: expected spec.extra to hold node-name and node-uid of " +
        'authentication.kubernetes.io, as a projected token of a pod has them (Kubernetes 1.30 and later)',
    );
  }
  const labelled = metadata.labels?.[nodeLabel];
  if (labelled !== undefined && !names(labelled, claim.name)) {
    return unproven(
      'label-mismatch',
      `label ${nodeLabel} is "${labelled}", but the requester's credentials are bound to node "${claim.name}"`,
    );
  }
  const [owner, ...more] = metadata.ownerReferences ?? [];
  if (!owner || more.length > 0 || !isPod(owner)) {
    const present = metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`).join(', ') ?? '';
    return unproven(
      'no-owner',
      `metadata.ownerReferences must be exactly one v1 Pod, for which the certificate is, not [${present}]`,
    );
  }
  const { name, uid } = owner;
  return {
    proven: true,
    pod: {
      namespace: metadata.namespace ?? '',
      name,
      uid,
      node: { name: claim.name, uid: claim.uid },
    },
  };
}

/** The pod whose own credentials make the request: the one that they are bound to, which must own the request too. */
export function claimOfPod({ metadata, spec }: CertificateRequest, requester: ServiceAccountName): Claim {
  const claim = podClaim(spec.extra);
  if (claim.claim === 'malformed') return unproven('malformed-claim', claim.message);
  if (claim.claim === 'none') {
    return unproven('no-claim', "the requester's credentials are not bound to a pod");
  }
  const { namespace, name: serviceAccount } = requester;
  if (metadata.namespace !== namespace) {
    return unproven(
      'foreign-namespace',
      `the request is in namespace ${metadata.namespace}, its requester in ${namespace}`,
    );
  }
  const { name, uid } = claim;
  if (!isOwnedBy({ name, uid }, metadata.ownerReferences ?? [])) {
    return unproven(
      'no-owner',
      `metadata.ownerReferences must be pod ${name} with uid ${uid}, to which the requester's credentials are bound`,
    );
  }
  return { proven: true, pod: { namespace, name, uid, serviceAccount } };
}

/** A node's name of more than 63 characters does not fit a label, which then holds a digest that proves nothing. */
function names(label: string, nodeName: string): boolean {
  return label === nodeName || nodeName.length > 63;
}

function isPod({ apiVersion, kind, name, uid }: OwnerReference): boolean {
  return apiVersion === 'v1' && kind === 'Pod' && name !== '' && uid !== '';
}

function isOwnedBy(pod: BoundObject, [owner, ...more]: readonly OwnerReference[]): boolean {
  return (
    owner !== undefined &&
    isPod(owner) &&
    owner.name === pod.name &&
    owner.uid === pod.uid &&
    more.length === 0
  );
}
