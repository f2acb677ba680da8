import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseMountTable } from '../../../src/driver/volume/mount/mount-table.ts';
import { KubeClient, systemClock } from '../../../src/kube/index.ts';
import { root } from '../../../tools/run-command.ts';
import { type Installed, installCluster, nodeName } from '../../bench/stand/install-cluster.ts';
import { type Program, startProgram } from '../../bench/stand/program.ts';
import { programCommand, withFlags } from '../../bench/stand/program-command.ts';
import { serviceAccountOf } from '../../bench/stand/service-account.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import type { Log } from '../../cluster/log.ts';
import { findFreePorts } from '../../cluster/process/free-ports.ts';
import { type ManagedProcess, waitUntil } from '../../cluster/process/managed-process.ts';
import { CsiClient } from '../../support/csi-client.ts';

const loopback = '127.0.0.1';
const driverName = 'csi.certmount.io';

/** The node's mounts have to outlive the driver, as they do on a node, and to go with the cluster. */
const nodeScript = `
mount -t tmpfs -o mode=0755 tmpfs /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
exec sleep infinity
`;

export interface RunningDriver {
  readonly process: ManagedProcess;
  readonly csi: CsiClient;
  readonly metricsUrl: string;
}

interface Parts {
  readonly controlPlane: ControlPlane;
  readonly admin: KubeClient;
  readonly installed: Installed;
  readonly programFiles: string;
  readonly node: ManagedProcess;
}

/** A control plane, the controller, and a node without a kubelet, whose driver can be killed and started again. */
export class SoakStand implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly admin: KubeClient;
  readonly installed: Installed;
  readonly kubeletDir: string;
  readonly #programFiles: string;
  readonly #node: ManagedProcess;
  #controller: Program | undefined;
  #driver: RunningDriver | undefined;
  #apiRunning = true;

  private constructor(parts: Parts) {
    this.controlPlane = parts.controlPlane;
    this.admin = parts.admin;
    this.installed = parts.installed;
    this.#programFiles = parts.programFiles;
    this.#node = parts.node;
    this.kubeletDir = join(parts.controlPlane.dir, 'kubelet');
    for (const folder of ['pods', 'plugins_registry'])
      mkdirSync(join(this.kubeletDir, folder), { recursive: true });
    mkdirSync(dirname(this.#socket), { recursive: true });
  }

  /** Runs what is in dist/, as it is. */
  static async start(log: Log): Promise<SoakStand> {
    const controlPlane = await startControlPlane({ log });
    try {
      const programFiles = join(controlPlane.dir, 'certmount');
      cpSync(join(root, 'dist'), programFiles, { recursive: true });
      const admin = new KubeClient(
        { connection: await controlPlane.connection('admin'), userAgent: 'certmount-soak' },
        { clock: systemClock, random: Math.random },
      );
      const installed = await installCluster(controlPlane);
      const account = await serviceAccountOf(controlPlane, {
        ...{ namespace: 'certmount', name: 'certmount-driver', boundPod: installed.programPods.driver },
      });
      const node = await controlPlane.startProcess('node', 'unshare', [
        ...['--mount', '--propagation=private', '--', 'sh', '-ec', nodeScript, 'sh', account.directory],
      ]);
      const stand = new SoakStand({ controlPlane, admin, installed, programFiles, node });
      await stand.#startController();
      await stand.startDriver();
      return stand;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  /** undefined while it is down. */
  get driver(): RunningDriver | undefined {
    return this.#driver;
  }

  get controllerPid(): number | undefined {
    return this.#controller?.process.pid;
  }

  get apiRunning(): boolean {
    return this.#apiRunning;
  }

  /** Where the driver's own file system has this path. */
  onNode(path: string): string {
    return `/proc/${this.#node.pid}/root${path}`;
  }

  /** Mount points of the driver's volumes. */
  mounts(): string[] {
    return parseMountTable(readFileSync(`/proc/${this.#node.pid}/mountinfo`, 'utf8'))
      .filter(({ source, type }) => type === 'tmpfs' && source === driverName)
      .map(({ mountPoint }) => mountPoint)
      .filter((mountPoint) => mountPoint.startsWith(this.kubeletDir));
  }

  records(): string[] {
    return readdirSync(join(dirname(this.#socket), 'volumes'));
  }

  /** What keeps the driver's event loop alive, by kind. */
  resources(): Readonly<Record<string, number>> | undefined {
    if (!existsSync(this.#resourcesFile)) return undefined;
    return JSON.parse(readFileSync(this.#resourcesFile, 'utf8')) as Record<string, number>;
  }

  get logs(): string {
    return join(this.controlPlane.dir, 'logs');
  }

  /** As daemonset/daemonset.yaml has it, but for paths and the level of the log. */
  async startDriver(): Promise<void> {
    const [port] = await findFreePorts(loopback, 1);
    const { args, nodeFlags } = programCommand('daemonset/daemonset.yaml');
    const flags = withFlags(args, {
      'node-id': nodeName,
      endpoint: `unix://${this.#socket}`,
      'kubelet-dir': this.kubeletDir,
      'metrics-address': `${loopback}:${port}`,
      'log-level': 'debug',
    });
    const { hostname, port: apiPort } = this.controlPlane.server;
    const process_ = await this.controlPlane.startProcess(
      'driver',
      'nsenter',
      [
        ...[`--mount=/proc/${this.#node.pid}/ns/mnt`, '--wdns=/', '--', process.execPath, ...nodeFlags],
        `--import=${join(root, 'test/soak/fixtures/report-resources.mjs')}`,
        ...[join(this.#programFiles, 'certmount.mjs'), ...flags],
      ],
      {
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: apiPort,
        SOAK_RESOURCES: this.#resourcesFile,
      },
    );
    const csi = new CsiClient(this.#socket);
    await waitUntil(() => csi.probe(), {
      ...{ what: 'the driver to answer', timeoutMs: 60_000, intervalMs: 100, process: process_ },
    });
    this.#driver = { process: process_, csi, metricsUrl: `http://${loopback}:${port}/metrics` };
  }

  async endDriver(signal: NodeJS.Signals): Promise<void> {
    const driver = this.#driver;
    this.#driver = undefined;
    await driver?.process.end(signal);
    driver?.csi.close();
  }

  async endApiServer(): Promise<void> {
    this.#apiRunning = false;
    await this.controlPlane.killApiServer('SIGKILL');
  }

  async startApiServer(): Promise<void> {
    await this.controlPlane.startApiServer();
    this.#apiRunning = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#driver?.csi.close();
    this.admin.close();
    await this.controlPlane.stop();
  }

  get #socket(): string {
    return join(this.kubeletDir, 'plugins', driverName, 'csi.sock');
  }

  get #resourcesFile(): string {
    return join(this.controlPlane.dir, 'driver-resources.json');
  }

  async #startController(): Promise<void> {
    const account = await serviceAccountOf(this.controlPlane, {
      ...{
        namespace: 'certmount',
        name: 'certmount-controller',
        boundPod: this.installed.programPods.controller,
      },
    });
    const [port] = await findFreePorts(loopback, 1);
    const { args, nodeFlags } = programCommand('deploy/deployment.yaml');
    const flags = withFlags(args, { 'metrics-address': `${loopback}:${port}`, 'log-level': 'debug' });
    this.#controller = await startProgram(this.controlPlane, {
      name: 'controller',
      argv: [...nodeFlags, join(this.#programFiles, 'certmount.mjs'), ...flags],
      account,
    });
    await this.controlPlane.kubectl([
      ...['wait', `clusterissuer/${this.installed.issuer}`, '--for=condition=Ready', '--timeout=60s'],
    ]);
  }
}
