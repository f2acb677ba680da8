import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import type { ManagedProcess } from '../../cluster/process/managed-process.ts';
import type { ServiceAccount } from './service-account.ts';

export interface ProgramOptions {
  readonly name: string;
  /** Node's flags, the program's file, and its arguments. */
  readonly argv: readonly string[];
  readonly account: ServiceAccount;
}

/**
 * Runs a program as its pod would have it: with its service account where a pod has it, and in a mount namespace of its own,
 * with which all that it mounts goes. It ends with this process, in whatever way that ends.
 */
export async function startProgram(controlPlane: ControlPlane, options: ProgramOptions): Promise<Program> {
  const { account, argv, name } = options;
  const server = controlPlane.server;
  const process_ = await controlPlane.startProcess(
    name,
    'unshare',
    [
      '--mount',
      '--propagation=private',
      '--',
      'sh',
      '-ec',
      enter,
      'sh',
      account.directory,
      process.execPath,
      ...argv,
    ],
    { KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port },
  );
  return new Program(process_);
}

/** `exec` all the way: the process that was started becomes the program. */
const enter = `
mount -t tmpfs -o mode=0755 tmpfs /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
`;

/** A program under test. */
export class Program {
  readonly process: ManagedProcess;

  constructor(managed: ManagedProcess) {
    this.process = managed;
  }

  /** The path as this process can open it, in the program's mount namespace. */
  path(path: string): string {
    return `/proc/${this.process.pid}/root${path}`;
  }

  /** A line of /proc/PID/status in MB (2^20 bytes). */
  memoryMb(line: 'VmRSS' | 'VmHWM' | 'RssAnon'): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    const kib = new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    if (kib === undefined) throw new Error(`${this.process.name} has ended`);
    return Number(kib) / 1024;
  }

  /** Milliseconds of CPU so far, of all its threads that live. */
  cpuMs(): number {
    const tasks = `/proc/${this.process.pid}/task`;
    return readdirSync(tasks)
      .map((task) => Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]) / 1e6)
      .reduce((sum, ms) => sum + ms, 0);
  }

  pause(): void {
    process.kill(this.process.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.process.pid, 'SIGCONT');
  }

  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
  }
}
