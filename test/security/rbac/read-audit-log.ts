import type { Access } from './expand-grants.ts';

/** What a service account did, or tried to do. */
export interface Use extends Access {
  /** '' for none, as of a list. */
  readonly name: string;
  /** '' for all of them, and for what is in none. */
  readonly namespace: string;
  readonly allowed: boolean;
}

/** `audit.k8s.io/v1`, level Metadata, as far as it is read here. */
interface AuditEvent {
  readonly verb: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Tests borrow the accounts of the programs, also to do what they may not. */
const programs = /^certmount-(?:driver|controller)\//;
const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/**
 * What the programs did by the lines of an API server's audit log, each once.
 *
 * @param lines JSON; the last one may be torn, since API servers are killed
 */
export function readAuditLog(lines: Iterable<string>): Use[] {
  const uses = new Map<string, Use>();
  for (const line of lines) {
    const event = parse(line);
    for (const use of event ? usesOf(event) : []) uses.set(JSON.stringify(use), use);
  }
  return [...uses.values()];
}

function usesOf(event: AuditEvent): Use[] {
  const { annotations, objectRef, responseStatus, user, userAgent = '', verb } = event;
  const [, namespaceOfUser, account] = serviceAccount.exec(user.username) ?? [];
  if (objectRef === undefined || account === undefined || !programs.test(userAgent)) return [];
  const use: Use = {
    account: `${namespaceOfUser}/${account}`,
    group: objectRef.apiGroup ?? '',
    resource: objectRef.resource,
    subresource: objectRef.subresource ?? '',
    verb,
    name: objectRef.name ?? '',
    namespace: objectRef.namespace ?? '',
    // Not every 403 is RBAC's.
    allowed: annotations?.['authorization.k8s.io/decision'] !== 'forbid',
  };
  // An apply or an update that makes the object needs the right to create it too.
  const created = verb !== 'create' && responseStatus?.code === 201;
  return created ? [use, { ...use, verb: 'create' }] : [use];
}

function parse(line: string): AuditEvent | undefined {
  try {
    return JSON.parse(line) as AuditEvent;
  } catch {
    return undefined;
  }
}
