/** What the API server puts into the extra of a bound service account token, and admission holds equal to spec.extra. */
const nodeNameKey = 'authentication.kubernetes.io/node-name';

export type NodeClaim =
  /** The requester's credentials are not bound to a node (a token from before 1.30, or not of a pod). */
  | { readonly claim: 'none' }
  | { readonly claim: 'node'; readonly nodeName: string }
  | { readonly claim: 'malformed'; readonly message: string };

/** The node that the requester's credentials are bound to. */
export function nodeClaim(extra: Readonly<Record<string, readonly string[]>> | undefined): NodeClaim {
  const values = extra?.[nodeNameKey];
  if (values === undefined) return { claim: 'none' };
  const [nodeName] = values;
  if (nodeName === undefined || nodeName === '' || values.length > 1) {
    return { claim: 'malformed', message: `spec.extra["${nodeNameKey}"] must hold exactly one node name` };
  }
  return { claim: 'node', nodeName };
}
