import { resolveIssuerReference } from '../api/issuer-reference.ts';
import type { PolicySelector } from '../api/certificate-request-policy.ts';
import { defaultPolicyName } from './default-policy.ts';
import type { KnownPolicy } from './known-policy.ts';
import type { PolicyRequest, PolicySubject } from './policy-request.ts';
import { matchesSome, matchesWildcard } from './wildcard.ts';

type Labels = Readonly<Record<string, string>>;

/** What only the cluster knows of who may use what. */
export interface PolicyBinding {
  /** Undefined when there is no such namespace. Asked for only when a selector has labels. */
  namespaceLabels(namespace: string): Promise<Labels | undefined>;
  /** Whether the subject may `use` the policy in the namespace. */
  isBound(subject: PolicySubject, policy: string, namespace: string): Promise<boolean>;
}

/**
 * The policies that apply to the request, by name: those whose selector matches and that its subject may use. A proven pod
 * to which none applies has the default one, which needs no right to use it and serves nobody else.
 */
export async function choosePolicies(
  policies: readonly KnownPolicy[],
  request: PolicyRequest,
  binding: PolicyBinding,
): Promise<readonly KnownPolicy[]> {
  const selected: KnownPolicy[] = [];
  let labels: Promise<Labels | undefined> | undefined;
  for (const policy of policies) {
    const { selector } = policy.spec;
    if (!selectsByName(selector, request)) continue;
    const wanted = selector.namespace?.matchLabels;
    if (wanted !== undefined) {
      labels ??= binding.namespaceLabels(request.namespace);
      if (!hasLabels((await labels) ?? {}, wanted)) continue;
    }
    selected.push(policy);
  }
  const { namespace, subject } = request;
  const bound = await Promise.all(
    selected.map(
      async (policy) => policy.name !== defaultPolicyName && binding.isBound(subject, policy.name, namespace),
    ),
  );
  const chosen = selected.filter((_, index) => bound[index]);
  if (chosen.length > 0 || request.pod === undefined) return chosen.sort(byName);
  return selected.filter(({ name }) => name === defaultPolicyName);
}

function selectsByName({ issuerRef, namespace }: PolicySelector, request: PolicyRequest): boolean {
  const issuer = resolveIssuerReference(request.issuer);
  const { group = '*', kind = '*', name = '*' } = issuerRef ?? {};
  const { matchNames = [] } = namespace ?? {};
  return (
    matchesWildcard(name, issuer.name) &&
    matchesWildcard(kind, issuer.kind) &&
    matchesWildcard(group, issuer.group) &&
    (matchNames.length === 0 || matchesSome(matchNames, request.namespace))
  );
}

function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

function byName(a: KnownPolicy, b: KnownPolicy): number {
  return a.name < b.name ? -1 : 1;
}
