import type { PodIdentity } from '../identity.ts';

/** Names that a volume attribute may refer to as `${NAME}` or `$NAME`; `$$` is a dollar sign. */
export type Variables = Readonly<Record<string, string>>;

/** What a pod has only after its volumes are mounted. */
export const addressVariables = ['POD_IP', 'POD_IPS'] as const;

const reference = /\$(?:\$|\{([^{}]*)\}|([A-Za-z_][A-Za-z0-9_]*))?/g;

export function variablesOf(pod: PodIdentity, nodeName: string, trustDomain: string): Variables {
  return {
    POD_NAME: pod.name,
    POD_NAMESPACE: pod.namespace,
    POD_UID: pod.uid,
    SERVICE_ACCOUNT_NAME: pod.serviceAccount,
    NODE_NAME: nodeName,
    TRUST_DOMAIN: trustDomain,
  };
}

/** @throws {RangeError} that says which variable is unknown, or that a dollar sign stands alone */
export function expandVariables(text: string, variables: Variables): string {
  return text.replace(reference, (match, braced?: string, bare?: string) => {
    if (match === '$$') return '$';
    const name = braced ?? bare;
    if (name === undefined) throw new RangeError('a dollar sign must start a variable, or be written as $$');
    if (!Object.hasOwn(variables, name)) {
      const known = [...Object.keys(variables).filter((key) => !isAddressVariable(key)), ...addressVariables];
      throw new RangeError(`unknown variable "${name}": known are ${known.join(', ')}`);
    }
    return variables[name] as string;
  });
}

/** The variables that the text refers to, known or not. */
export function variablesIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(reference)].flatMap(([, braced, bare]) => braced ?? bare ?? []));
}

function isAddressVariable(name: string): boolean {
  return (addressVariables as readonly string[]).includes(name);
}
