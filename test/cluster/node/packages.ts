import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../log.ts';
import { withFileLock } from '../process/file-lock.ts';

/** A program of the machine, and the Debian package that brings it. */
const programs = {
  ip: { package: 'iproute2', folders: [] },
  containerd: { package: 'containerd', folders: [] },
  ctr: { package: 'containerd', folders: [] },
  runc: { package: 'runc', folders: [] },
  // The CNI plugins: Debian's folder, then the upstream one.
  ptp: { package: 'containernetworking-plugins', folders: ['/usr/lib/cni', '/opt/cni/bin'] },
  // A dynamically linked one would not run in an image of its own.
  busybox: { package: 'busybox-static', folders: ['/bin'] },
  openssl: { package: 'openssl', folders: [] },
  java: { package: 'openjdk-17-jdk-headless', folders: [] },
  javac: { package: 'openjdk-17-jdk-headless', folders: [] },
  keytool: { package: 'openjdk-17-jdk-headless', folders: [] },
  nginx: { package: 'nginx', folders: [] },
  // Beside it are initdb and psql of the same release.
  postgres: { package: 'postgresql', folders: ['/usr/lib/postgresql/*/bin'] },
  python3: { package: 'python3', folders: [] },
  pip3: { package: 'python3-pip', folders: [] },
} as const;

export type ProgramName = keyof typeof programs;

/**
 * Finds programs of the machine, and installs the Debian packages of those that are missing when this is root on
 * Debian or a child of it. One process installs at a time: apt-get gives up where another one is at work.
 *
 * @returns their paths
 * @throws naming what to install, where it cannot
 */
export async function findPrograms<N extends ProgramName>(
  names: readonly N[],
  log: Log,
): Promise<Record<N, string>> {
  if (packagesOf(names).length > 0) await installMissing(names, log);
  return Object.fromEntries(
    names.map((name) => {
      const path = find(name);
      if (path === undefined)
        throw new Error(`${name} is missing; it is part of the package ${programs[name].package}`);
      return [name, path];
    }),
  ) as Record<N, string>;
}

function find(name: ProgramName): string | undefined {
  const { folders } = programs[name];
  const places =
    folders.length > 0
      ? folders.flatMap((folder) => globSync(folder))
      : (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin', '/sbin');
  return places.map((folder) => join(folder, name)).find(isExecutable);
}

/** Of those that are missing. */
function packagesOf(names: readonly ProgramName[]): readonly string[] {
  const missing = names.filter((name) => find(name) === undefined);
  return [...new Set(missing.map((name) => programs[name].package))];
}

async function installMissing(names: readonly ProgramName[], log: Log): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error(`needs the Debian packages ${packagesOf(names).join(' ')}; install them as root`);
  }
  const waiting = (): void => log('another run installs Debian packages, waiting …');
  await withFileLock(lockFile, waiting, async () => {
    const missing = packagesOf(names);
    if (missing.length > 0) await install(missing, log);
  });
}

async function install(packages: readonly string[], log: Log): Promise<void> {
  const list = packages.join(' ');
  log(`installing the Debian packages ${list} …`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 64 << 20 };
  try {
    await run('apt-get', ['update', '--quiet'], options);
    await withoutServices(() => run('apt-get', [...installCommand, ...packages], options));
  } catch (cause) {
    throw new Error(`cannot install the Debian packages ${list}: ${String(cause)}`, { cause });
  }
}

/** The programs are wanted, not the daemons that their packages start (invoke-rc.d asks this file; 101 is "no"). */
async function withoutServices(work: () => Promise<unknown>): Promise<void> {
  if (existsSync(policyFile)) {
    await work();
    return;
  }
  await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  try {
    await work();
  } finally {
    await rm(policyFile);
  }
}

// Somebody else's apt-get, as of unattended upgrades, is waited for.
const installCommand = [
  'install',
  '--quiet',
  '--yes',
  '--no-install-recommends',
  '--option=DPkg::Lock::Timeout=300',
];
const policyFile = '/usr/sbin/policy-rc.d';
const lockFile = '/run/certmount-packages.lock';

const run = promisify(execFile);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
