import type { KubeObject, ResourceType } from '../kube/object.ts';

// Of rbac.authorization.k8s.io only what is used here; objects may hold more.

/** What is allowed; "*" stands for all. */
export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
}

/** A Role or a ClusterRole. */
export interface Role extends KubeObject {
  rules?: PolicyRule[] | null;
}

/** A RoleBinding or a ClusterRoleBinding. */
export interface RoleBinding extends KubeObject {
  roleRef: { kind: string; name: string };
}

const api = { group: 'rbac.authorization.k8s.io', version: 'v1' };

export const roles: ResourceType<Role> = { ...api, kind: 'Role', plural: 'roles', namespaced: true };

export const clusterRoles: ResourceType<Role> = {
  ...api,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
};

export const roleBindings: ResourceType<RoleBinding> = {
  ...api,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
};

export const clusterRoleBindings: ResourceType<RoleBinding> = {
  ...api,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
};
