import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from '../control-plane.ts';
import { type ManagedProcess, waitUntil } from '../process/managed-process.ts';
import { childrenOf, identify, type ProcessIdentity } from '../process/process-table.ts';
import { runProgram } from '../process/run-program.ts';

export interface NamespacesOptions {
  readonly nodeName: string;
  /** The node's files on this machine. `lib`, `log` and `etc` in it are /var/lib, /var/log and /run/node/etc inside. */
  readonly dir: string;
  readonly busybox: string;
  readonly kubelet: string;
}

/**
 * A node's own mount, process, network, UTS and IPC namespaces. Everything that runs on the node is a descendant of one
 * first process; the kernel kills them all with it, and no mount of theirs is ever seen outside.
 */
export class Namespaces {
  readonly init: ProcessIdentity;
  readonly #controlPlane: ControlPlane;
  readonly #nodeName: string;

  private constructor(controlPlane: ControlPlane, nodeName: string, init: ProcessIdentity) {
    this.#controlPlane = controlPlane;
    this.#nodeName = nodeName;
    this.init = init;
  }

  static async create(controlPlane: ControlPlane, options: NamespacesOptions): Promise<Namespaces> {
    const { nodeName, dir, busybox } = options;
    for (const folder of ['run', 'lib/kubelet', 'log', 'etc']) {
      mkdirSync(join(dir, folder), { recursive: true, mode: 0o755 });
    }
    const script = join(dir, 'init.sh');
    writeFileSync(script, initScript(options));
    const unshare = await controlPlane.startProcess(`${nodeName}/unshare`, 'unshare', [
      '--mount',
      '--propagation',
      'private',
      '--net',
      '--uts',
      '--ipc',
      '--pid',
      '--mount-proc',
      '--fork',
      '--kill-child=KILL',
      '--',
      busybox,
      'sh',
      script,
    ]);
    const ready = (): boolean => unshare.logTail().includes('ready');
    await waitUntil(ready, {
      what: `the namespaces of node ${nodeName}`,
      timeoutMs: 10_000,
      process: unshare,
    });
    const init = identify(childrenOf(unshare.pid)[0] ?? 0);
    if (!init) throw new Error(`the first process of node ${nodeName} ended at once: ${unshare.logTail()}`);
    controlPlane.record.addProcess(`${nodeName}/init`, init);
    return new Namespaces(controlPlane, nodeName, init);
  }

  /** A path of the node as this machine's processes can open it. */
  path(path: string): string {
    return join(`/proc/${this.init.pid}/root`, path);
  }

  /**
   * Runs a program of the machine inside.
   *
   * @returns standard output
   * @throws with standard error when it fails
   */
  async run(
    command: string,
    args: readonly string[],
    input?: NodeJS.ReadableStream | string,
  ): Promise<string> {
    return await runProgram('nsenter', [...this.#enter(), command, ...args], {
      what: `${command} ${args.join(' ')} on ${this.#nodeName}`,
      ...(input !== undefined && { input }),
    });
  }

  /** Starts a program inside, in the background. */
  async start(name: string, command: string, args: readonly string[]): Promise<Service> {
    const enter = await this.#controlPlane.startProcess(`${this.#nodeName}/${name}`, 'nsenter', [
      ...this.#enter(),
      command,
      ...args,
    ]);
    return new Service(enter);
  }

  #enter(): string[] {
    return [`--target=${this.init.pid}`, '--mount', '--net', '--uts', '--ipc', '--pid', '--wd=/', '--'];
  }
}

/** A program inside the namespaces. nsenter stays outside as its parent, and ends with it. */
export class Service {
  readonly enter: ManagedProcess;

  constructor(enter: ManagedProcess) {
    this.enter = enter;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    for (const pid of childrenOf(this.enter.pid)) process.kill(pid, signal);
    await this.enter.exited();
  }
}

/** Makes the node's own view of the file system, then does the one duty of a first process: to reap orphans. */
function initScript({ nodeName, dir, kubelet }: NamespacesOptions): string {
  return `set -e
# Inside, the places of the machine's own kubelet and containerd are the node's: nothing is shared with another node.
mount -t tmpfs -o mode=755 tmpfs '${dir}/run'
mkdir -p '${dir}/run/node/etc'
mount --bind '${dir}/etc' '${dir}/run/node/etc'
touch '${dir}/run/node/kubelet'
mount --bind '${kubelet}' '${dir}/run/node/kubelet'
mount --rbind '${dir}/run' /run
mount --bind '${dir}/lib' /var/lib
mount --bind '${dir}/log' /var/log
# A pod's mounts reach the kubelet and other pods, as on a machine that systemd has started.
mount --make-rshared /
hostname '${nodeName}'
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready
trap 'exit 0' TERM
while :; do sleep 100000 & wait $!; done
`;
}
