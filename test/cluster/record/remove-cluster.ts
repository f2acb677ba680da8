import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { killAndWait } from '../process/process-table.ts';
import { type ClusterRecord, listClusters, namesIn, unfinishedPrefix } from './cluster-record.ts';

/**
 * Takes down whatever the record names and removes the directory. Blocking, so that it is the same code in an `exit`
 * handler; may be called again, and by two processes at once.
 *
 * @throws when a process or a mount stays; the record is kept then, for the next try
 */
export function removeCluster(record: ClusterRecord): void {
  const { processes, cgroups } = record.state;
  // A node's first process takes all of its process namespace with it: containerd, kubelet, every container.
  const left = killAndWait(Object.values(processes), 60_000);
  if (left.length > 0)
    throw new Error(`cluster ${record.state.name}: still running: ${left.map((p) => p.pid).join(', ')}`);
  if (!record.present) return;
  removeLinks((alias) => alias === record.dir);
  unmountUnder(record.dir);
  for (const cgroup of cgroups) removeCgroup(cgroup);
  rmSync(record.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/**
 * Takes down the clusters whose owner is gone: what a killed test run left behind.
 *
 * @returns a line about each, also about one that would not go
 */
export function sweep(root: string): string[] {
  const lines: string[] = [];
  for (const record of listClusters(root)) {
    if (record.wanted) continue;
    const { name } = record.state;
    try {
      removeCluster(record);
      lines.push(`took down ${name}, left behind by a run that is gone`);
    } catch (error) {
      lines.push(`could not take down ${name}, left behind by a run that is gone: ${String(error)}`);
    }
  }
  for (const name of namesIn(root)) {
    const dir = join(root, name);
    if (name.startsWith(unfinishedPrefix) && ageMs(dir) > 60_000)
      rmSync(dir, { recursive: true, force: true });
  }
  removeLinks((alias) => !existsSync(alias));
  return lines;
}

/** The mount points at or under the directory, innermost first. */
export function mountsUnder(
  directory: string,
  mountinfo = readFileSync('/proc/self/mountinfo', 'utf8'),
): string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) =>
      path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toReversed();
}

/** The interfaces of test clusters carry their cluster's directory as alias. */
export function clusterLinks(): { name: string; alias: string }[] {
  return namesIn(linkDirectory)
    .filter((name) => /^certmount\d+$/.test(name))
    .map((name) => ({ name, alias: readAlias(name) }))
    .filter(({ alias }) => alias !== '');
}

function removeLinks(unwanted: (alias: string) => boolean): void {
  for (const { name, alias } of clusterLinks()) {
    if (unwanted(alias)) spawnSync('ip', ['link', 'delete', name], { stdio: 'ignore' });
  }
}

function readAlias(name: string): string {
  try {
    return readFileSync(join(linkDirectory, name, 'ifalias'), 'utf8').trim();
  } catch {
    return ''; // removed meanwhile
  }
}

const linkDirectory = '/sys/class/net';

function unmountUnder(directory: string): void {
  for (const path of mountsUnder(directory)) spawnSync('umount', ['--lazy', path], { stdio: 'ignore' });
  const left = mountsUnder(directory);
  if (left.length > 0) throw new Error(`cannot unmount ${left.join(', ')}`);
}

/** Removes a control group with its descendants; they are empty directories once their processes are gone. */
function removeCgroup(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // EBUSY: the kernel is still emptying it. The directory is harmless and the next node of this name reuses it.
    if (code !== 'ENOENT' && code !== 'EBUSY') throw error;
  }
}

function ageMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
