import { createReadStream, existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../../../tools/run-command.ts';
import { auditFolder } from '../../support/kept-logs.ts';
import { compareUses } from './compare-uses.ts';
import { expandGrants, type Grant, type RbacManifest } from './expand-grants.ts';
import { readAuditLog, type Use } from './read-audit-log.ts';
import { isSpecial } from './special-verbs.ts';

export interface RbacUseOptions {
  /** Of the run, with what the API servers wrote in it. */
  readonly logs: string;
  /** Whether every suite ran: only then is a verb that was not used one that nobody needs. */
  readonly everySuite: boolean;
  readonly print: (line: string) => void;
}

/**
 * Tells what the manifests grant and no program used in the whole run, and what programs tried that is not granted.
 *
 * @returns how many grants were never used
 */
export async function reportRbacUse({ everySuite, logs, print }: RbacUseOptions): Promise<number> {
  const grants = grantsOfManifests();
  const { forbidden, unused } = compareUses(grants, await usesOf(logs), (grant) => isSpecial(grant));
  for (const text of forbidden) print(`forbidden by RBAC in this run: ${text}`);
  if (!everySuite) {
    print('RBAC, no verb that is not used: not run, because not every suite ran');
    return 0;
  }
  for (const text of unused) print(`granted and never used: ${text}`);
  print(`RBAC: ${grants.length} verbs granted, ${unused.length} never used, ${forbidden.length} forbidden`);
  return unused.length;
}

/** Of both bases and all their components. What a component's patches take away counts as granted. */
export function grantsOfManifests(): Grant[] {
  const manifests = globSync('{deploy,daemonset}/**/*.yaml', { cwd: root })
    .toSorted()
    .flatMap((file) => parseAllDocuments(readFileSync(join(root, file), 'utf8')))
    .map((document) => (document.toJS() ?? {}) as RbacManifest);
  return expandGrants(manifests);
}

async function usesOf(logs: string): Promise<Use[]> {
  const folder = join(logs, auditFolder);
  const uses: Use[] = [];
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    const lines: string[] = [];
    for await (const line of createInterface(createReadStream(join(folder, file)))) lines.push(line);
    uses.push(...readAuditLog(lines));
  }
  return uses;
}
