// Makes deploy/policies/default-policy.yaml from src/policy/default-policy.ts.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { defaultPolicy } from '../src/policy/default-policy.ts';
import { runGenerator, type SyncOptions } from './generated-folder.ts';
import { root } from './run-command.ts';

const path = 'deploy/policies/default-policy.yaml';
const header = `# Generated from src/policy/default-policy.ts by "npm run generate": do not edit. docs/policies.md says what each line is for,
# and how to allow more or less than this for some pods.
`;

/** Brings the file up to date; answers its path when it was not. */
export async function generateDefaultPolicy({ check }: SyncOptions): Promise<string[]> {
  const text = header + stringify(defaultPolicy, { lineWidth: 0 });
  const file = join(root, path);
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return [];
  if (!check) await writeFile(file, text);
  return [path];
}

if (import.meta.main) await runGenerator('generate-default-policy', generateDefaultPolicy);
