import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allPids, identify, isRunning, type ProcessIdentity } from '../cluster/process/process-table.ts';
import type { ClusterState } from '../cluster/record/cluster-record.ts';
import { clusterLinks, mountsUnder, sweep } from '../cluster/record/remove-cluster.ts';

/** A root for clusters that no other test looks into. */
export function temporaryRoot(): { root: string; remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'certmount-cluster-test-'));
  return {
    root,
    remove: () => {
      sweep(root);
      rmSync(root, { recursive: true });
    },
  };
}

/** Every process of the cluster: the recorded ones, and whatever is in the process namespace of a node. */
export function processesOf(state: ClusterState): ProcessIdentity[] {
  const namespaces = new Set(state.nodes.map(({ init }) => processNamespace(init.pid)));
  const inside = allPids().filter((pid) => namespaces.has(processNamespace(pid)) && processNamespace(pid));
  const identities = inside.map(identify).filter((identity) => identity !== undefined);
  return [...Object.values(state.processes), ...identities];
}

export function assertNothingLeft(
  dir: string,
  state: ClusterState,
  processes: readonly ProcessIdentity[],
): void {
  assert.deepEqual(processes.filter(isRunning), []);
  assert.deepEqual(mountsUnder(dir), []);
  assert.equal(readdirSync(join(dir, '..')).includes(state.name), false, dir);
  assert.deepEqual(
    clusterLinks().filter(({ alias }) => alias === dir),
    [],
  );
  for (const cgroup of state.cgroups) assert.throws(() => readdirSync(cgroup), /ENOENT/, cgroup);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  assert.ok(!mounts.includes(dir));
}

/** A program that starts a cluster and stays, until it is killed. */
export async function startRun(
  root: string,
  withNode: boolean,
): Promise<{ dir: string; kill: (signal: NodeJS.Signals) => Promise<void> }> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'stay.ts'), root, String(withNode)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const dir = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    child.once('exit', (code) => reject(new Error(`stay.ts ended with ${code}`)));
  });
  return {
    dir,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}

function processNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // ended meanwhile
  }
}
