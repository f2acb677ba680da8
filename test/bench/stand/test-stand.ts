import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildBundle } from '../../../tools/build.ts';
import { root } from '../../../tools/run-command.ts';
import { KubeClient, systemClock } from '../../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { findFreePorts } from '../../cluster/process/free-ports.ts';
import { waitUntil } from '../../cluster/process/managed-process.ts';
import { CsiClient } from '../../support/csi-client.ts';
import type { BenchContext } from '../bench-context.ts';
import { Driver } from './driver.ts';
import { installCluster, type Installed, nodeName } from './install-cluster.ts';
import { type Program, startProgram } from './program.ts';
import { programCommand, withFlags } from './program-command.ts';
import { type ServiceAccount, serviceAccountOf } from './service-account.ts';

const loopback = '127.0.0.1';

/** A control plane with certmount's API, a CA, and driver and controller as processes: all of a cluster but the kubelet. */
export class TestStand implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly admin: KubeClient;
  readonly installed: Installed;
  readonly driverAccount: ServiceAccount;
  readonly controllerAccount: ServiceAccount;
  readonly kubeletDir: string;
  readonly #context: BenchContext;
  readonly #programFiles: string;
  readonly #running = new Set<Program>();

  private constructor(parts: Parts) {
    this.#context = parts.context;
    this.controlPlane = parts.controlPlane;
    this.admin = parts.admin;
    this.installed = parts.installed;
    this.driverAccount = parts.driverAccount;
    this.controllerAccount = parts.controllerAccount;
    this.kubeletDir = join(this.controlPlane.dir, 'kubelet');
    this.#programFiles = parts.programFiles;
    // What the kubelet has made before a driver comes.
    mkdirSync(join(this.kubeletDir, 'pods'), { recursive: true });
    mkdirSync(join(this.kubeletDir, 'plugins_registry'), { recursive: true });
  }

  static async start(context: BenchContext): Promise<TestStand> {
    const [controlPlane] = await Promise.all([startControlPlane({ log: context.log }), buildBundle()]);
    try {
      // A build of another process would take the files away under a program that has yet to load some of them.
      const programFiles = join(controlPlane.dir, 'certmount');
      cpSync(join(root, 'dist'), programFiles, { recursive: true });
      const admin = new KubeClient(
        { connection: await controlPlane.connection('admin'), userAgent: 'certmount-bench' },
        { clock: systemClock, random: Math.random },
      );
      const { gitVersion } = await admin.request<{ gitVersion: string }>({ method: 'GET', path: '/version' });
      context.onKubernetes(gitVersion);
      const installed = await installCluster(controlPlane);
      const [driverAccount, controllerAccount] = await Promise.all(
        (['driver', 'controller'] as const).map((program) =>
          serviceAccountOf(controlPlane, {
            namespace: 'certmount',
            name: `certmount-${program}`,
            boundPod: installed.programPods[program],
          }),
        ),
      );
      if (driverAccount === undefined || controllerAccount === undefined)
        throw new Error('no service accounts');
      context.log('the API of certmount is installed');
      return new TestStand({
        context,
        controlPlane,
        admin,
        installed,
        driverAccount,
        controllerAccount,
        programFiles,
      });
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  /** Resolves when it leads and the CA signs. */
  async startController(): Promise<Program> {
    const [port] = await findFreePorts(loopback, 1);
    const { args, nodeFlags } = programCommand('deploy/deployment.yaml');
    const flags = withFlags(args, { 'metrics-address': `${loopback}:${port}` });
    const controller = await this.#start('controller', nodeFlags, flags, this.controllerAccount);
    await waitUntil(() => isReady(`http://${loopback}:${port}/readyz`), {
      what: 'the controller to lead',
      timeoutMs: 30_000,
      process: controller.process,
    });
    await this.controlPlane.kubectl([
      ...['wait', `clusterissuer/${this.installed.issuer}`, '--for=condition=Ready', '--timeout=30s'],
    ]);
    return controller;
  }

  /** Resolves when it answers the kubelet. */
  async startDriver(): Promise<Driver> {
    const [port] = await findFreePorts(loopback, 1);
    const { args, nodeFlags } = programCommand('daemonset/daemonset.yaml');
    const socket = join(this.kubeletDir, 'plugins/csi.certmount.io/csi.sock');
    mkdirSync(dirname(socket), { recursive: true });
    const flags = withFlags(args, {
      'node-id': nodeName,
      endpoint: `unix://${socket}`,
      'kubelet-dir': this.kubeletDir,
      'metrics-address': `${loopback}:${port}`,
    });
    const registrationSocket = join(this.kubeletDir, 'plugins_registry/csi.certmount.io-reg.sock');
    rmSync(registrationSocket, { force: true });
    const started = performance.now();
    const program = await this.#start('driver', nodeFlags, flags, this.driverAccount);
    const limit = { timeoutMs: 30_000, intervalMs: 5, process: program.process };
    // Not called before it is there: a channel that has failed waits a second.
    await waitUntil(() => existsSync(socket), { what: "the driver's socket", ...limit });
    const csi = new CsiClient(socket);
    await waitUntil(() => csi.probe(), { what: 'the driver to answer', ...limit });
    await waitUntil(() => existsSync(registrationSocket), { what: 'the registration socket', ...limit });
    const startedInMs = performance.now() - started;
    return new Driver({ program, startedInMs, csi, stand: this });
  }

  /** A client as the driver or the controller has one. */
  client(account: ServiceAccount): KubeClient {
    return new KubeClient(
      { connection: account.connection, userAgent: 'certmount-bench' },
      { clock: systemClock, random: Math.random },
    );
  }

  /** Nothing of certmount runs meanwhile, so that a yardstick is measured alone. Short: leases go on running out. */
  async withProgramsPaused<T>(work: () => Promise<T>): Promise<T> {
    const programs = [...this.#running].filter(({ process }) => process.running);
    for (const program of programs) program.pause();
    try {
      return await work();
    } finally {
      for (const program of programs) program.resume();
    }
  }

  async stop(): Promise<void> {
    this.admin.close();
    // Profiles are written at an orderly end.
    const { profileDir } = this.#context.options;
    const running = [...this.#running].filter(({ process }) => process.running);
    if (profileDir !== undefined) await Promise.all(running.map((program) => program.stop()));
    await this.controlPlane.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(
    name: string,
    nodeFlags: readonly string[],
    args: readonly string[],
    account: ServiceAccount,
  ): Promise<Program> {
    const { profileDir } = this.#context.options;
    const program =
      profileDir === undefined
        ? [join(this.#programFiles, 'certmount.mjs')]
        : ['--cpu-prof', `--cpu-prof-dir=${join(profileDir, name)}`, join(root, 'src/main.ts')];
    const started = await startProgram(this.controlPlane, {
      name,
      argv: [...nodeFlags, ...program, ...args],
      account,
    });
    this.#running.add(started);
    return started;
  }
}

interface Parts {
  readonly context: BenchContext;
  readonly controlPlane: ControlPlane;
  readonly admin: KubeClient;
  readonly installed: Installed;
  readonly driverAccount: ServiceAccount;
  readonly controllerAccount: ServiceAccount;
  readonly programFiles: string;
}

async function isReady(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
