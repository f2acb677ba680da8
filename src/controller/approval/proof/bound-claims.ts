import { boundTokenClaims } from '../../../api/service-account.ts';

/** What the API server puts into the extra of a bound token's user, and admission holds equal to spec.extra. */
type Extra = Readonly<Record<string, readonly string[]>> | undefined;

export type BoundClaim<Claim> =
  /** The requester's credentials are bound to none (a token from before 1.30, or not of a pod). */
  | { readonly claim: 'none' }
  | ({ readonly claim: 'bound' } & Claim)
  | { readonly claim: 'malformed'; readonly message: string };

export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** The node that the requester's credentials are bound to. */
export function nodeClaim(extra: Extra): BoundClaim<BoundObject> {
  return objectClaim(extra, 'node', boundTokenClaims.nodeName, boundTokenClaims.nodeUid);
}

/** The pod that the requester's credentials are bound to. */
export function podClaim(extra: Extra): BoundClaim<BoundObject> {
  return objectClaim(extra, 'pod', boundTokenClaims.podName, boundTokenClaims.podUid);
}

function objectClaim(
  extra: Extra,
  kind: 'node' | 'pod',
  nameKey: string,
  uidKey: string,
): BoundClaim<BoundObject> {
  const [name, uid] = [oneValue(extra, nameKey), oneValue(extra, uidKey)];
  if (name === undefined && uid === undefined) return { claim: 'none' };
  if (name === null || name === undefined) return malformed(nameKey, `${kind} name`);
  return uid === null || uid === undefined ? malformed(uidKey, `${kind} uid`) : { claim: 'bound', name, uid };
}

/** Undefined when there is none, null when there is not exactly one. */
function oneValue(extra: Extra, key: string): string | null | undefined {
  const values = extra?.[key];
  if (values === undefined) return undefined;
  const [value] = values;
  return value === undefined || value === '' || values.length > 1 ? null : value;
}

function malformed(key: string, what: string): { readonly claim: 'malformed'; readonly message: string } {
  return { claim: 'malformed', message: `spec.extra["${key}"] must hold exactly one ${what}` };
}
