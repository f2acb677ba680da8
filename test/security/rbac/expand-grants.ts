/** What a service account may do to a resource. */
export interface Access {
  /** `NAMESPACE/NAME` of the service account. */
  readonly account: string;
  /** '' for the core group. */
  readonly group: string;
  readonly resource: string;
  /** '' for the resource itself. */
  readonly subresource: string;
  readonly verb: string;
}

export interface Grant extends Access {
  /** The only ones; empty for all. */
  readonly names: readonly string[];
  /** The only one; undefined for all. */
  readonly namespace: string | undefined;
  readonly role: string;
}

/** As far as it is read here. */
export interface RbacManifest {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly rules?: readonly Rule[] | null;
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  }[];
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** That of the kustomizations, for manifests that name none. */
const ownNamespace = 'certmount';

/**
 * Every verb that roles among the manifests grant to service accounts, one by one. Roles for people and for workloads, which
 * nothing here binds to a service account, grant nothing.
 */
export function expandGrants(manifests: readonly RbacManifest[]): Grant[] {
  const roles = manifests.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
  return manifests.flatMap((binding) => {
    const { roleRef, subjects = [] } = binding;
    if (roleRef === undefined) return [];
    const role = roles.find(({ kind, metadata }) => kind === roleRef.kind && metadata?.name === roleRef.name);
    const accounts = subjects
      .filter(({ kind }) => kind === 'ServiceAccount')
      .map(({ name, namespace = ownNamespace }) => `${namespace}/${name}`);
    if (role === undefined && accounts.length > 0)
      throw new Error(`${binding.kind} ${binding.metadata?.name} is to ${roleRef.name}, which is not there`);
    const namespace =
      binding.kind === 'RoleBinding' ? (binding.metadata?.namespace ?? ownNamespace) : undefined;
    const common = { namespace, role: roleRef.name };
    return accounts.flatMap((account) =>
      (role?.rules ?? []).flatMap((rule) => expandRule(rule, { ...common, account })),
    );
  });
}

function expandRule(
  { apiGroups, resourceNames = [], resources, verbs }: Rule,
  common: Pick<Grant, 'account' | 'namespace' | 'role'>,
): Grant[] {
  if (apiGroups === undefined || resources === undefined)
    throw new Error(`a rule of ${common.role} is not of resources`);
  return apiGroups.flatMap((group) =>
    resources.flatMap((path) => {
      const [resource = '', subresource = ''] = path.split('/');
      return verbs.map((verb) => ({ ...common, group, resource, subresource, verb, names: resourceNames }));
    }),
  );
}
