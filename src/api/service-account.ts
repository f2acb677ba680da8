import { formatSpiffeId } from '../pki/index.ts';

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** Claims of a token that is bound to a pod (KEP-4193), as they stand in the extra of its user. */
export const boundTokenClaims = {
  nodeName: 'authentication.kubernetes.io/node-name',
  nodeUid: 'authentication.kubernetes.io/node-uid',
  podName: 'authentication.kubernetes.io/pod-name',
  podUid: 'authentication.kubernetes.io/pod-uid',
} as const;

/** The user that a service account is to the API server. */
export function serviceAccountUser({ namespace, name }: ServiceAccountName): {
  readonly username: string;
  readonly groups: readonly string[];
} {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

/** Undefined for whoever is no service account. */
export function parseServiceAccountUser(username: string): ServiceAccountName | undefined {
  const [, namespace, name] = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/.exec(username) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/**
 * `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`, the form that Istio and cert-manager use too.
 *
 * @throws {PkiError} for what cannot stand in a SPIFFE ID
 */
export function serviceAccountSpiffeId({ namespace, name }: ServiceAccountName, trustDomain: string): string {
  return formatSpiffeId({ trustDomain, path: `/ns/${namespace}/sa/${name}` });
}
