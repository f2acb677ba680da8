/** What the API server puts into the extra of a bound service account token, and admission holds equal to spec.extra. */
const prefix = 'authentication.kubernetes.io';

type Extra = Readonly<Record<string, readonly string[]>> | undefined;

export type BoundClaim<Claim> =
  /** The requester's credentials are bound to none (a token from before 1.30, or not of a pod). */
  | { readonly claim: 'none' }
  | ({ readonly claim: 'bound' } & Claim)
  | { readonly claim: 'malformed'; readonly message: string };

/** The node that the requester's credentials are bound to. */
export function nodeClaim(extra: Extra): BoundClaim<{ readonly nodeName: string }> {
  const nodeName = oneValue(extra, 'node-name');
  if (nodeName === undefined) return { claim: 'none' };
  return nodeName === null ? malformed('node-name', 'node name') : { claim: 'bound', nodeName };
}

/** The pod that the requester's credentials are bound to. */
export function podClaim(extra: Extra): BoundClaim<{ readonly name: string; readonly uid: string }> {
  const [name, uid] = [oneValue(extra, 'pod-name'), oneValue(extra, 'pod-uid')];
  if (name === undefined && uid === undefined) return { claim: 'none' };
  if (name === null || name === undefined) return malformed('pod-name', 'pod name');
  return uid === null || uid === undefined ? malformed('pod-uid', 'pod uid') : { claim: 'bound', name, uid };
}

/** Undefined when there is none, null when there is not exactly one. */
function oneValue(extra: Extra, key: string): string | null | undefined {
  const values = extra?.[`${prefix}/${key}`];
  if (values === undefined) return undefined;
  const [value] = values;
  return value === undefined || value === '' || values.length > 1 ? null : value;
}

function malformed(key: string, what: string): { readonly claim: 'malformed'; readonly message: string } {
  return { claim: 'malformed', message: `spec.extra["${prefix}/${key}"] must hold exactly one ${what}` };
}
