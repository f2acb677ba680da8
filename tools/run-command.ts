import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';

export const root = dirname(import.meta.dirname);

/** Runs a program of node_modules/.bin in the repository, its output passed through; true when it ended well. */
export function runTool(name: string, args: readonly string[]): boolean {
  const { status } = spawnSync(join(root, 'node_modules/.bin', name), args, { cwd: root, stdio: 'inherit' });
  return status === 0;
}
