import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * The folder in which the runner looks for secrets when every suite has ended: what the programs log at their most talkative,
 * their metrics, and the Events of the clusters. undefined in a run of a single file.
 */
export function keptLogs(): string | undefined {
  return process.env['CERTMOUNT_TEST_LOGS'];
}

/** Within the folder: the audit logs of the clusters' API servers, a line of JSON an event. */
export const auditFolder = 'audit';

/** For a cluster whose API server writes an audit log of the test's own. */
export function keepAuditLog(file: string): void {
  const folder = keptLogs();
  if (folder === undefined || !existsSync(file)) return;
  mkdirSync(join(folder, auditFolder), { recursive: true });
  cpSync(file, join(folder, auditFolder, `${basename(dirname(file))}.jsonl`));
}

/** @param name of the program that has written it */
export function keepText(name: string, text: string): void {
  const folder = keptLogs();
  if (folder !== undefined) appendFileSync(join(folder, `${name}.log`), text);
}

export interface EndingCluster {
  readonly dir: string;
  kubectl(args: readonly string[]): Promise<string>;
}

/** Call before a cluster ends: its Events, and the logs of the pods on its nodes. */
export async function keepEvidence(cluster: EndingCluster): Promise<void> {
  const folder = keptLogs();
  if (folder === undefined) return;
  const name = basename(cluster.dir);
  // A test may have ended the API server.
  const events = await cluster
    .kubectl(['get', 'events', '-A', '-o', 'json', '--request-timeout=3s'])
    .catch(String);
  writeFileSync(join(folder, `${name}-events.json`), events);
  const nodes = join(cluster.dir, 'nodes');
  for (const node of existsSync(nodes) ? readdirSync(nodes) : []) {
    const pods = join(nodes, node, 'log', 'pods');
    // Containers of tests may write their own keys; what is ours runs in this namespace.
    for (const pod of existsSync(pods) ? readdirSync(pods) : []) {
      if (pod.startsWith('certmount_'))
        cpSync(join(pods, pod), join(folder, name, node, pod), { recursive: true });
    }
  }
}
