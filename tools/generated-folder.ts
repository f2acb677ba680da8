import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The text of every file of a generated folder, by its path in the folder. */
export type GeneratedFiles = ReadonlyMap<string, string>;

export interface SyncOptions {
  /** Only look: nothing is written. */
  readonly check: boolean;
}

/**
 * Makes a folder hold exactly these files.
 *
 * @returns the paths that differed, sorted: changed, missing, and those that nothing generates any more
 */
export async function syncGeneratedFolder(
  folder: string,
  files: GeneratedFiles,
  options: SyncOptions,
): Promise<string[]> {
  const present = await filesUnder(folder);
  const stale: string[] = [];
  for (const [path, text] of files) {
    const absolute = join(folder, path);
    if (present.has(path) && (await readFile(absolute, 'utf8')) === text) continue;
    stale.push(path);
    if (options.check) continue;
    await mkdir(dirname(absolute), { recursive: true });
    await writeFile(absolute, text);
  }
  for (const path of present) {
    if (files.has(path)) continue;
    stale.push(path);
    if (!options.check) await rm(join(folder, path));
  }
  return stale.sort();
}

/** Paths of all files under a folder, relative to it; none when the folder is not there. */
export async function filesUnder(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  return new Set(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length)),
  );
}

/** What a generator's own command does: writes, or with `--check` exits 1 when something is not up to date. */
export async function runGenerator(
  name: string,
  generate: (options: SyncOptions) => Promise<string[]>,
): Promise<void> {
  const check = process.argv.includes('--check');
  const stale = await generate({ check });
  for (const path of stale) console.error(`${check ? 'not up to date' : 'written'}: ${path}`);
  if (check && stale.length > 0) {
    console.error(`${name}: run "npm run generate"`);
    process.exitCode = 1;
  }
}
