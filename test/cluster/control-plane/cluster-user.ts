import type { UserIdentity } from '../credentials/certificate-authority.ts';

export type ClusterUser = 'admin' | { readonly node: string } | ServiceAccountUser | UserIdentity;

export interface ServiceAccountUser {
  readonly serviceAccount: ServiceAccount;
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  /** Ties the token to a pod: the API server adds the pod's and its node's name to the claims. */
  readonly boundPod?: { readonly name: string; readonly uid: string };
}

export function isServiceAccount(user: ClusterUser): user is ServiceAccountUser {
  return typeof user === 'object' && 'serviceAccount' in user;
}

/** Who the user's client certificate is for. */
export function identityOf(user: Exclude<ClusterUser, ServiceAccountUser>): UserIdentity {
  if (user === 'admin') return { user: 'admin', groups: ['system:masters'] };
  if ('node' in user) return { user: `system:node:${user.node}`, groups: ['system:nodes'] };
  return user;
}

/** For the user's kubeconfig. */
export function fileNameOf(user: ClusterUser): string {
  if (user === 'admin') return user;
  if ('node' in user) return `node-${user.node}`;
  if ('serviceAccount' in user) return `${user.serviceAccount.namespace}-${user.serviceAccount.name}`;
  return user.user.replaceAll(/[^A-Za-z0-9.-]/g, '-');
}
