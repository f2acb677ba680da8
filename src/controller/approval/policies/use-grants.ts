import { policyGroup } from '../../../api/certificate-request-policy.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../api/rbac.ts';
import type { PolicyRule, Role, RoleBinding } from '../../../api/rbac.ts';
import { aborted, Reflector, sleep } from '../../../kube/index.ts';
import type { Clock, KubeClient, KubeObject, ResourceType } from '../../../kube/index.ts';
import { pickMetadata } from '../../slim-object.ts';

export interface UseGrantsDependencies {
  readonly client: Pick<KubeClient, 'resource'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onError: (resource: string, error: unknown) => void;
  /** Who may use which policy has changed in this namespace; in any, where none is given. */
  readonly onChange: (namespace?: string) => void;
}

/** The API server's authorizer learns of a binding by a watch as well. */
const settleMs = 1_000;
/** Changes that follow one another are told as one, but not later than this many times the above. */
const longestSettling = 5;

/**
 * Watches the roles that let somebody `use` policies, and their bindings, so that a request that waits for one is looked at
 * when it comes. Nobody is approved by what is seen here: who may use a policy says the API server. It starts with the first
 * policy that has to be bound.
 */
export class UseGrants {
  readonly #deps: UseGrantsDependencies;
  readonly #roles: Reflector<Role>;
  readonly #clusterRoles: Reflector<Role>;
  readonly #roleBindings: Reflector<RoleBinding>;
  readonly #clusterRoleBindings: Reflector<RoleBinding>;
  readonly #wanted = Promise.withResolvers<void>();
  readonly #changed = new Set<string | undefined>();
  /** Changes so far. */
  #count = 0;

  constructor(deps: UseGrantsDependencies) {
    this.#deps = deps;
    this.#roles = this.#reflector(roles, slimRole);
    this.#clusterRoles = this.#reflector(clusterRoles, slimRole);
    this.#roleBindings = this.#reflector(roleBindings, slimBinding);
    this.#clusterRoleBindings = this.#reflector(clusterRoleBindings, slimBinding);
  }

  /** There is a policy that has to be bound. */
  want(): void {
    this.#wanted.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#wanted.promise, aborted(signal)]);
    for (const reflector of [this.#roles, this.#clusterRoles])
      reflector.subscribe((change) => {
        const before = change.type === 'modified' ? change.previous : change.object;
        if (reflector.synced && (grants(change.object) || grants(before)))
          this.#tell(change.object.metadata.namespace, signal);
      });
    for (const reflector of [this.#roleBindings, this.#clusterRoleBindings])
      reflector.subscribe((change) => {
        if (reflector.synced && grants(this.#roleOf(change.object)))
          this.#tell(change.object.metadata.namespace, signal);
      });
    const all = [this.#roles, this.#clusterRoles, this.#roleBindings, this.#clusterRoleBindings];
    // What came while they were read tells nobody.
    Promise.all(all.map((reflector) => reflector.whenSynced(signal))).then(
      () => this.#tell(undefined, signal),
      () => {},
    );
    await Promise.all(all.map((reflector) => reflector.run(signal)));
  }

  #roleOf({ metadata, roleRef: { kind, name } }: RoleBinding): Role | undefined {
    if (kind === clusterRoles.kind) return this.#clusterRoles.get({ name });
    return this.#roles.get({ namespace: metadata.namespace ?? '', name });
  }

  #tell(changed: string | undefined, signal: AbortSignal): void {
    const isFirst = this.#changed.size === 0;
    this.#changed.add(changed);
    this.#count += 1;
    if (isFirst) void this.#tellSettled(signal);
  }

  async #tellSettled(signal: AbortSignal): Promise<void> {
    for (let round = 0, seen = 0; round < longestSettling && seen !== this.#count; round += 1) {
      seen = this.#count;
      await sleep(this.#deps.clock, settleMs, signal).catch(() => {});
      if (signal.aborted) return;
    }
    const namespaces = this.#changed.has(undefined) ? [undefined] : [...this.#changed];
    this.#changed.clear();
    for (const namespace of namespaces) this.#deps.onChange(namespace);
  }

  #reflector<T extends KubeObject>(type: ResourceType<T>, transform: (object: T) => T): Reflector<T> {
    const { client, clock, onError, random } = this.#deps;
    return new Reflector(
      { resource: client.resource(type), transform },
      { clock, random, onError: (error) => onError(type.plural, error) },
    );
  }
}

function grants(role: Role | undefined): boolean {
  return role?.rules?.some(maySayUse) === true;
}

function maySayUse({ apiGroups = [], verbs }: PolicyRule): boolean {
  const has = (values: readonly string[], value: string) => values.includes(value) || values.includes('*');
  return has(verbs, 'use') && has(apiGroups, policyGroup);
}

function slimRole({ metadata, rules }: Role): Role {
  return { metadata: identity(metadata), rules: rules?.filter(maySayUse) ?? [] };
}

function slimBinding({ metadata, roleRef: { kind, name } }: RoleBinding): RoleBinding {
  return { metadata: identity(metadata), roleRef: { kind, name } };
}

function identity(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  return pickMetadata(metadata, 'name', 'namespace', 'uid', 'resourceVersion');
}
