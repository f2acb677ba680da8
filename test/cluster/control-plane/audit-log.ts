import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { auditFolder, keptLogs } from '../../support/kept-logs.ts';

/**
 * Flags of an API server that writes down what the service accounts of the product ask of it: who, what and the answer, no
 * content. Only where a whole run looks at it when it has ended.
 *
 * @param dir of the cluster, by whose name the file is found
 */
export function auditFlags(dir: string): string[] {
  const logs = keptLogs();
  if (logs === undefined) return [];
  const folder = join(logs, auditFolder);
  mkdirSync(folder, { recursive: true });
  const policyFile = join(dir, 'audit-policy.json');
  writeFileSync(policyFile, JSON.stringify(auditPolicy));
  return [`--audit-policy-file=${policyFile}`, `--audit-log-path=${join(folder, `${basename(dir)}.jsonl`)}`];
}

const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  // A watch is told of when it starts: it may never end, since tests kill API servers.
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Metadata', userGroups: ['system:serviceaccounts:certmount'], omitManagedFields: true },
    { level: 'None' },
  ],
};
