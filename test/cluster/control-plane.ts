import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from '../../src/kube/connection.ts';
import { findBinaries } from './binaries.ts';
import { applyObjects, type Manifest } from './control-plane/apply-objects.ts';
import { parseManifests, readManifests } from './control-plane/manifests.ts';
import { auditFlags } from './control-plane/audit-log.ts';
import type { ClusterUser } from './control-plane/cluster-user.ts';
import { Credentials } from './control-plane/credentials.ts';
import {
  apiServerFlags,
  controllerManagerFlags,
  etcdFlags,
  type FeatureGates,
  schedulerConfig,
  schedulerFlags,
} from './control-plane/flags.ts';
import { describeLayout, type Layout } from './control-plane/layout.ts';
import { writePkiFiles } from './control-plane/pki-files.ts';
import { CertificateAuthority } from './credentials/certificate-authority.ts';
import { type Log, silentLog, stderrLog } from './log.ts';
import { type ClusterNetwork, createClusterNetwork } from './node/network.ts';
import { findPrograms } from './node/packages.ts';
import { ManagedProcess, waitUntil } from './process/managed-process.ts';
import { identify, killAndWait } from './process/process-table.ts';
import { runProgram } from './process/run-program.ts';
import { keepEvidence } from '../support/kept-logs.ts';
import { cleanUpOnExit } from './record/clean-up-on-exit.ts';
import { ClusterRecord, defaultRoot } from './record/cluster-record.ts';
import { removeCluster, sweep } from './record/remove-cluster.ts';

export interface ControlPlaneOptions {
  /** Nodes can join: the API server listens on a bridge of its own instead of loopback. Needs root. */
  readonly nodes?: boolean;
  /** Garbage collection, default service accounts, deployments. Default true. */
  readonly controllerManager?: boolean;
  /** Default: the same as `nodes`. */
  readonly scheduler?: boolean;
  /** For every component, the kubelets included. */
  readonly featureGates?: FeatureGates;
  /** Such as `certificates.k8s.io/v1beta1=true`. */
  readonly runtimeConfig?: string;
  readonly apiServerFlags?: readonly string[];
  /** Progress; by default only of what takes minutes, on standard error. */
  readonly log?: Log;
  /** Default: a unique one. */
  readonly name?: string;
  /**
   * Outlives this process, until `npm run cluster -- down --name NAME`: from its start on, or with `later` from
   * {@link ControlPlane.detach} on. Default false.
   */
  readonly detached?: boolean | 'later';
  /** Folder of all clusters' folders; by default one for the user in the system's temporary folder. */
  readonly root?: string;
}

export type { ClusterUser };

/** Starts etcd, kube-apiserver and what else is asked for; resolves when the API server is ready. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const root = options.root ?? defaultRoot();
  const log = options.log ?? silentLog;
  for (const line of sweep(root)) log(line);
  // The kubelet is only looked for, so that one count of builds is shown for all.
  const binaries = await findBinaries(
    [...controlPlaneBinaries, ...(options.nodes ? ['kubelet' as const] : [])],
    {
      log: options.log ?? stderrLog,
    },
  );
  if (options.nodes) await findPrograms(['ip'], options.log ?? stderrLog);

  const name = options.name ?? `${process.pid}-${randomBytes(3).toString('hex')}`;
  const record = ClusterRecord.create(name, identify(process.pid), root);
  const unregister = cleanUpOnExit(record);
  const started = Date.now();
  try {
    const network = options.nodes ? await createClusterNetwork(record.dir) : undefined;
    const layout = await describeLayout(record.dir, network);
    const ca = await CertificateAuthority.create();
    const controlPlane = new ControlPlane(options, { record, unregister, binaries, layout, ca, network });
    await controlPlane.start();
    if (options.detached === true) controlPlane.detach();
    log(
      `control plane ready after ${((Date.now() - started) / 1000).toFixed(1)} s: ${controlPlane.server.href}`,
    );
    return controlPlane;
  } catch (error) {
    unregister();
    removeCluster(record);
    throw error;
  }
}

interface Parts {
  readonly record: ClusterRecord;
  readonly unregister: () => void;
  readonly binaries: Readonly<Record<(typeof controlPlaneBinaries)[number], string>>;
  readonly layout: Layout;
  readonly ca: CertificateAuthority;
  readonly network: ClusterNetwork | undefined;
}

const controlPlaneBinaries = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
] as const;

/** A running control plane. Made by {@link startControlPlane}. */
export class ControlPlane implements AsyncDisposable {
  readonly dir: string;
  readonly server: URL;
  readonly adminKubeconfig: string;
  readonly featureGates: FeatureGates;
  readonly record: ClusterRecord;
  /** Set when nodes can join. */
  readonly network: ClusterNetwork | undefined;
  readonly ca: CertificateAuthority;
  readonly #options: ControlPlaneOptions;
  readonly #parts: Parts;
  readonly #processes = new Map<string, ManagedProcess>();
  readonly #credentials: Credentials;
  readonly #nodes = new Set<number>();

  constructor(options: ControlPlaneOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.record = parts.record;
    this.dir = parts.record.dir;
    this.network = parts.network;
    this.ca = parts.ca;
    this.server = new URL(`https://${parts.layout.address}:${parts.layout.port}`);
    this.adminKubeconfig = join(this.dir, 'kubeconfigs', 'admin');
    this.featureGates = options.featureGates ?? {};
    this.#credentials = new Credentials({
      server: this.server,
      ca: parts.ca,
      folder: join(this.dir, 'kubeconfigs'),
    });
  }

  /** The processes by name: `etcd`, `kube-apiserver`, … */
  get pids(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#processes].map(([name, process]) => [name, process.pid]));
  }

  /** @internal called by {@link startControlPlane} */
  async start(): Promise<void> {
    for (const folder of ['logs', 'kubeconfigs']) mkdirSync(join(this.dir, folder), { mode: 0o700 });
    await writePkiFiles(this.#parts.layout, this.ca);
    await this.kubeconfig('admin');
    await this.startProcess('etcd', this.#parts.binaries.etcd, etcdFlags(this.#parts.layout));
    await this.startApiServer();
    await this.#startControllers();
    this.record.update({
      ready: true,
      server: this.server.href,
      adminKubeconfig: this.adminKubeconfig,
      kubectl: this.#parts.binaries.kubectl,
    });
  }

  /** A kubeconfig file for the user; a service account's holds a token of a day. */
  async kubeconfig(user: ClusterUser): Promise<string> {
    return await this.#credentials.kubeconfig(user);
  }

  async connection(user: ClusterUser): Promise<Connection> {
    return await this.#credentials.connection(user);
  }

  /** Kills the API server, or stops it with another signal. Its port and data stay for {@link startApiServer}. */
  async killApiServer(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#processes.get('kube-apiserver')?.end(signal);
  }

  /** Resolves when it is ready. */
  async startApiServer(): Promise<void> {
    const flags = apiServerFlags(this.#parts.layout, {
      featureGates: this.featureGates,
      runtimeConfig: this.#options.runtimeConfig,
      extraFlags: [...auditFlags(this.dir), ...(this.#options.apiServerFlags ?? [])],
    });
    const process = await this.startProcess('kube-apiserver', this.#parts.binaries['kube-apiserver'], flags);
    await waitUntil(async () => await this.#answers('/readyz'), {
      what: 'the API server to be ready',
      timeoutMs: 90_000,
      process,
    });
  }

  /** Starts a process that belongs to the cluster: its log is in `logs/NAME.log`, and it ends with the cluster. */
  async startProcess(
    name: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ManagedProcess> {
    const logFile = join(this.dir, 'logs', `${name.replaceAll('/', '-')}.log`);
    const process = await ManagedProcess.start({
      name,
      command,
      args,
      env: { HOME: this.dir, ...env },
      cwd: this.dir,
      logFile,
      dieWithParent: !(this.#options.detached ?? false),
    });
    this.record.addProcess(name, process.identity);
    this.#processes.set(name, process);
    return process;
  }

  /** Kills the processes whose names begin so, and resolves when they are gone. */
  async endProcesses(prefix: string): Promise<void> {
    const identities = Object.entries(this.record.state.processes).filter(([name]) =>
      name.startsWith(prefix),
    );
    killAndWait(identities.map(([, identity]) => identity));
    const processes = [...this.#processes].filter(([name]) => name.startsWith(prefix));
    await Promise.all(processes.map(async ([, process]) => await process.exited()));
    for (const [name] of processes) this.#processes.delete(name);
  }

  /** @internal the lowest number that no node has, from 0; called by `startNode` */
  takeNodeNumber(): number {
    let number = 0;
    while (this.#nodes.has(number)) number++;
    this.#nodes.add(number);
    return number;
  }

  /** @internal called by a node that is gone */
  releaseNodeNumber(number: number): void {
    this.#nodes.delete(number);
  }

  /**
   * Runs kubectl as the admin.
   *
   * @returns standard output
   * @throws with standard error
   */
  async kubectl(args: readonly string[], input = ''): Promise<string> {
    // HOME: kubectl keeps its discovery cache there.
    const env = { PATH: process.env['PATH'], HOME: this.dir, KUBECONFIG: this.adminKubeconfig };
    return await runProgram(this.#parts.binaries.kubectl, args, {
      input,
      env,
      what: `kubectl ${args.join(' ')}`,
    });
  }

  /** Server-side apply of YAML or JSON text, or of objects. */
  async apply(manifests: string | object | readonly object[]): Promise<void> {
    const objects = typeof manifests === 'string' ? parseManifests(manifests) : [manifests].flat();
    await applyObjects(await this.connection('admin'), objects as readonly Manifest[]);
  }

  /** Server-side apply of a file, a folder of files, or a kustomization. */
  async applyPath(path: string): Promise<void> {
    const isKustomization = existsSync(join(path, 'kustomization.yaml'));
    await this.apply(isKustomization ? await this.kubectl(['kustomize', path]) : readManifests(path));
  }

  /** Leaves everything running after this process, until `npm run cluster -- down --name NAME`. */
  detach(): void {
    if (!this.#options.detached)
      throw new Error('only a control plane that was started as detached can be left running');
    this.record.disown();
    this.#parts.unregister();
  }

  /** Takes everything down, the nodes included, and removes the folder. May be called again. */
  async stop(): Promise<void> {
    await keepEvidence(this);
    this.#parts.unregister();
    removeCluster(this.record);
    await Promise.all([...this.#processes.values()].map(async (process) => await process.exited()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #startControllers(): Promise<void> {
    const { binaries, layout } = this.#parts;
    if (this.#options.scheduler ?? this.#options.nodes) {
      const kubeconfig = await this.kubeconfig({ user: 'system:kube-scheduler' });
      const configFile = join(this.dir, 'scheduler.json');
      writeFileSync(configFile, JSON.stringify(schedulerConfig(kubeconfig)));
      await this.startProcess(
        'kube-scheduler',
        binaries['kube-scheduler'],
        schedulerFlags(configFile, this.featureGates),
      );
    }
    if (this.#options.controllerManager ?? true) {
      const kubeconfig = await this.kubeconfig({ user: 'system:kube-controller-manager' });
      const process = await this.startProcess(
        'kube-controller-manager',
        binaries['kube-controller-manager'],
        controllerManagerFlags(layout, this.featureGates, kubeconfig),
      );
      const path = '/api/v1/namespaces/default/serviceaccounts/default';
      await waitUntil(async () => await this.#answers(path), {
        what: 'the default service account',
        timeoutMs: 60_000,
        process,
      });
    }
  }

  /** Whether the API server has it. */
  async #answers(path: string): Promise<boolean> {
    return await this.#credentials.request('GET', path).then(
      ({ status }) => status === 200,
      () => false,
    );
  }
}
