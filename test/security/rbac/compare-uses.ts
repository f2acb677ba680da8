import type { Access, Grant } from './expand-grants.ts';
import type { Use } from './read-audit-log.ts';

export interface Comparison {
  /** Granted, and never used. */
  readonly unused: readonly string[];
  /** Tried, and forbidden by RBAC: a verb that is missing. */
  readonly forbidden: readonly string[];
}

/** @param isProven says of which grants there is no use to be seen */
export function compareUses(
  grants: readonly Grant[],
  uses: readonly Use[],
  isProven: (grant: Grant) => boolean,
): Comparison {
  const unused = grants.filter(
    (grant) => !isProven(grant) && !uses.some((use) => use.allowed && isUseOf(use, grant)),
  );
  const forbidden = uses.filter(({ allowed }) => !allowed);
  return {
    unused: unique(unused.map((grant) => `${textOf(grant)} (${grant.role})`)),
    forbidden: unique(forbidden.map(textOf)),
  };
}

function isUseOf(use: Use, grant: Grant): boolean {
  return (
    use.account === grant.account &&
    use.group === grant.group &&
    use.resource === grant.resource &&
    use.subresource === grant.subresource &&
    use.verb === grant.verb &&
    (grant.namespace === undefined || use.namespace === grant.namespace) &&
    (grant.names.length === 0 || grant.names.includes(use.name))
  );
}

/** As in `certmount/certmount-driver: create certificaterequests.cert-manager.io`. */
function textOf({ account, group, resource, subresource, verb }: Access): string {
  const path = subresource === '' ? resource : `${resource}/${subresource}`;
  return `${account}: ${verb} ${group === '' ? path : `${path} of ${group}`}`;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted();
}
