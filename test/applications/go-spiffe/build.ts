import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../cluster/binaries.ts';
import { buildGoTool } from '../../cluster/build/go-tool.ts';
import type { Log } from '../../cluster/log.ts';

/**
 * Builds the program of this folder, once for each of its versions.
 *
 * @returns the path of a static executable
 */
export async function buildGoSpiffe(log: Log): Promise<string> {
  const sources = ['go.mod', 'go.sum', 'main.go'].map((name) =>
    readFileSync(join(import.meta.dirname, name)),
  );
  const digest = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
  const folder = `go-spiffe-${digest}-${process.platform}-${process.arch}`;
  const output = join(cacheDirectory(process.env), folder, 'go-spiffe');
  if (existsSync(output)) return output;
  await buildGoTool(
    {
      name: 'go-spiffe',
      version: digest,
      moduleDirectory: import.meta.dirname,
      package: '.',
      linkerFlags: ['-s', '-w'],
      output,
    },
    { log, env: process.env, isBuilt: () => existsSync(output), progress: '1 of 1' },
  );
  return output;
}
