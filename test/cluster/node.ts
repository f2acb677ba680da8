import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { findBinaries } from './binaries.ts';
import type { FeatureGates } from './control-plane/flags.ts';
import type { ControlPlane } from './control-plane.ts';
import { archiveImage, buildImage, type ImageSpec } from './images.ts';
import { busyboxImageSpec, pauseImageSpec } from './images/ready-made.ts';
import { type Log, silentLog, stderrLog } from './log.ts';
import { createCgroups } from './node/cgroups.ts';
import { cniConfig, containerdConfig, containerdSocket } from './node/containerd.ts';
import { kubeletConfig, kubeletFlags, type KubeletOptions, usualKubeletDir } from './node/kubelet.ts';
import { Namespaces, type Service } from './node/namespaces.ts';
import { type ClusterNetwork, describeNode, maxNodes, type NodeNetwork } from './node/network.ts';
import { findPrograms } from './node/packages.ts';
import { waitUntil } from './process/managed-process.ts';
import { runProgram } from './process/run-program.ts';

export interface NodeOptions {
  /** Default: `node-1`, `node-2`, … */
  readonly name?: string;
  /** Beside the control plane's. */
  readonly featureGates?: FeatureGates;
  readonly maxPods?: number;
  /** Under /var/lib, which is the node's own. Default: /var/lib/kubelet. */
  readonly kubeletDir?: string;
  /** Fields of the KubeletConfiguration. */
  readonly kubeletConfiguration?: Readonly<Record<string, unknown>>;
  /** Loaded while the kubelet starts. The sandbox's and a busybox image are always there. */
  readonly images?: readonly ImageSpec[];
  readonly log?: Log;
}

/** Starts a node with containerd and a kubelet; resolves when it is Ready. Needs root. */
export async function startNode(controlPlane: ControlPlane, options: NodeOptions = {}): Promise<ClusterNode> {
  const { network } = controlPlane;
  if (!network) throw new Error('this control plane takes no nodes: start it with { nodes: true }');
  if (process.getuid?.() !== 0) throw new Error('a node needs root: namespaces, mounts and control groups');
  const log = options.log ?? silentLog;
  const started = Date.now();
  const programs = await findPrograms(
    ['ip', 'containerd', 'ctr', 'runc', 'ptp', 'busybox'],
    options.log ?? stderrLog,
  );
  const { kubelet } = await findBinaries(['kubelet'], { log: options.log ?? stderrLog });

  const index = controlPlane.takeNodeNumber();
  if (index >= maxNodes) throw new Error(`a test cluster takes ${maxNodes} nodes at most`);
  const name = options.name ?? `node-${index + 1}`;
  const node = new ClusterNode({
    controlPlane,
    network: describeNode(network, index),
    clusterNetwork: network,
    index,
    name,
    featureGates: { ...controlPlane.featureGates, ...options.featureGates },
    maxPods: options.maxPods ?? 200,
    kubeletDir: options.kubeletDir ?? usualKubeletDir,
    kubeletConfiguration: options.kubeletConfiguration ?? {},
    programs: { ...programs, kubelet },
  });
  try {
    await node.start(options.images ?? []);
  } catch (error) {
    await node.stop();
    throw error;
  }
  log(`node ${name} ready after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return node;
}

interface Parts {
  readonly controlPlane: ControlPlane;
  readonly network: NodeNetwork;
  readonly clusterNetwork: ClusterNetwork;
  readonly index: number;
  readonly name: string;
  readonly featureGates: FeatureGates;
  readonly maxPods: number;
  readonly kubeletDir: string;
  readonly kubeletConfiguration: Readonly<Record<string, unknown>>;
  readonly programs: Readonly<Record<'ip' | 'containerd' | 'ctr' | 'ptp' | 'busybox' | 'kubelet', string>>;
}

/** A node that runs pods, in namespaces of its own. Made by {@link startNode}. */
export class ClusterNode implements AsyncDisposable {
  readonly name: string;
  /** Its address, which its pods can be reached by from this machine too. */
  readonly address: string;
  /** The kubelet's directory as the node sees it; {@link path} makes it one for this process. */
  readonly kubeletDir: string;
  readonly #parts: Parts;
  /** By name, the digests of what containerd has of each image. */
  readonly #images = new Map<string, readonly string[]>();
  #namespaces: Namespaces | undefined;
  #kubelet: Service | undefined;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.name = parts.name;
    this.kubeletDir = parts.kubeletDir;
    this.address = parts.network.address;
  }

  /** @internal called by {@link startNode} */
  async start(images: readonly ImageSpec[]): Promise<void> {
    const { controlPlane, name, network, programs } = this.#parts;
    const dir = join(controlPlane.dir, 'nodes', name);
    mkdirSync(dir, { recursive: true });
    this.#namespaces = await Namespaces.create(controlPlane, { nodeName: name, dir, ...programs });
    await this.#join();
    await this.#writeFiles(join(dir, 'etc'));
    const { init } = this.#namespaces;
    controlPlane.record.update({ nodes: [...controlPlane.record.state.nodes, { name, ...network, init }] });

    const containerd = await this.#namespaces.start('containerd', programs.containerd, [
      '--config=/run/node/etc/containerd.toml',
    ]);
    const ctr = async (): Promise<boolean> =>
      await this.#ctr(['version']).then(
        () => true,
        () => false,
      );
    await waitUntil(ctr, { what: 'containerd', timeoutMs: 20_000, process: containerd.enter });
    await this.#startKubelet();
    const standard = [pauseImageSpec(programs.busybox), await busyboxImageSpec(programs.busybox)];
    for (const image of [...standard, ...images]) await this.loadImage(image);
    await this.whenReady();
  }

  /** Builds the image and imports it. */
  async loadImage(image: ImageSpec): Promise<void> {
    const built = await buildImage(image);
    const known = new Set([...this.#images.values()].flatMap((other) => [...other]));
    await this.#ctr(['images', 'import', '-'], Readable.from([archiveImage(built, known)]));
    // What an image of the same name had is forgotten: containerd may collect it.
    this.#images.set(image.name, [...built.blobs.keys()]);
  }

  /** Resolves when the API server says that the node is Ready. */
  async whenReady(timeoutMs = 60_000): Promise<void> {
    const path = '{.status.conditions[?(@.type=="Ready")].status}';
    const ready = async (): Promise<boolean> => {
      const status = await this.#parts.controlPlane
        .kubectl(['get', 'node', this.name, `--output=jsonpath=${path}`])
        .catch(() => '');
      return status === 'True';
    };
    await waitUntil(ready, {
      what: `node ${this.name} to be Ready`,
      timeoutMs,
      intervalMs: 100,
      ...(this.#kubelet && { process: this.#kubelet.enter }),
    });
  }

  /** Kills the kubelet, or stops it with another signal. Containers run on. */
  async killKubelet(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#kubelet?.end(signal);
    this.#kubelet = undefined;
  }

  async startKubelet(): Promise<void> {
    if (!this.#kubelet) await this.#startKubelet();
  }

  async restartKubelet(): Promise<void> {
    await this.killKubelet('SIGTERM');
    await this.#startKubelet();
  }

  /**
   * Runs a program of the machine in the node's namespaces.
   *
   * @returns standard output
   * @throws with standard error when it fails
   */
  async run(command: string, args: readonly string[] = [], input?: string): Promise<string> {
    return await this.#inside.run(command, args, input);
  }

  /** A path of the node, such as a volume under {@link kubeletDir}, as this machine's processes can open it. */
  path(path: string): string {
    return this.#inside.path(path);
  }

  /** The node's mount table, in the format of /proc/PID/mountinfo. */
  mountinfo(): string {
    return readFileSync(`/proc/${this.#inside.init.pid}/mountinfo`, 'utf8');
  }

  /** The first process of the node. `nsenter --target=PID --all` leads into it. */
  get pid(): number {
    return this.#inside.init.pid;
  }

  /** Ends everything on the node at once, as if its power went, and forgets it: its files and its Node object. */
  async stop(): Promise<void> {
    const { controlPlane, name, index } = this.#parts;
    if (this.#stopped) return;
    this.#stopped = true;
    await controlPlane.endProcesses(`${name}/`);
    controlPlane.record.removeNode(name);
    rmSync(join(controlPlane.dir, 'nodes', name), { recursive: true, force: true });
    await controlPlane
      .kubectl(['delete', 'node', name, '--ignore-not-found', '--wait=false'])
      .catch(() => '');
    controlPlane.releaseNodeNumber(index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #inside(): Namespaces {
    if (this.#stopped || !this.#namespaces) throw new Error(`node ${this.name} is stopped`);
    return this.#namespaces;
  }

  get #kubeletOptions(): KubeletOptions {
    const { name, network, clusterNetwork, maxPods, kubeletDir, controlPlane } = this.#parts;
    const { kubeletConfiguration: configuration } = this.#parts;
    const { dnsAddress } = clusterNetwork;
    const cgroupRoot = `/certmount-${basename(controlPlane.dir)}-${name}`;
    return { nodeName: name, network, dnsAddress, maxPods, kubeletDir, configuration, cgroupRoot };
  }

  async #ctr(args: readonly string[], input?: NodeJS.ReadableStream): Promise<string> {
    const connection = [`--address=${containerdSocket}`, '--namespace=k8s.io'];
    return await this.#inside.run(this.#parts.programs.ctr, [...connection, ...args], input);
  }

  async #startKubelet(): Promise<void> {
    const flags = kubeletFlags(this.#kubeletOptions, this.#parts.featureGates);
    this.#kubelet = await this.#inside.start('kubelet', '/run/node/kubelet', flags);
  }

  async #writeFiles(etc: string): Promise<void> {
    const { controlPlane, network, programs } = this.#parts;
    const options = this.#kubeletOptions;
    const { record } = controlPlane;
    record.update({ cgroups: [...record.state.cgroups, ...createCgroups(options.cgroupRoot)] });
    const files = {
      'containerd.toml': containerdConfig(dirname(programs.ptp)),
      'cni/10-certmount.conflist': JSON.stringify(cniConfig(network)),
      'kubelet.json': JSON.stringify(kubeletConfig(options), undefined, 2),
      kubeconfig: readFileSync(await controlPlane.kubeconfig({ node: this.name })),
      'ca.crt': controlPlane.ca.certificatePem,
      'resolv.conf': `nameserver ${options.dnsAddress}\n`,
    };
    mkdirSync(join(etc, 'cni'), { recursive: true });
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(etc, name), content, { mode: 0o600 });
  }

  /** Connects the node to the cluster's bridge, and its pods with this machine's and the other nodes'. */
  async #join(): Promise<void> {
    const { controlPlane, network, clusterNetwork, index, programs } = this.#parts;
    const { bridge, gateway, range } = clusterNetwork;
    const { init } = this.#inside;
    const outside = async (...args: string[]): Promise<unknown> => await runProgram(programs.ip, args);
    const inside = async (pid: number, ...args: string[]): Promise<unknown> =>
      await runProgram('nsenter', [`--target=${pid}`, '--net', programs.ip, ...args]);
    // The kernel removes both ends with the node's network namespace.
    const end = `${bridge}n${index + 1}`;
    await outside(
      'link',
      'add',
      'name',
      end,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(init.pid),
    );
    await outside('link', 'set', end, 'master', bridge, 'up');
    await outside('route', 'replace', network.podRange, 'via', network.address, 'dev', bridge);
    await inside(init.pid, 'address', 'add', `${network.address}/24`, 'dev', 'eth0');
    await inside(init.pid, 'link', 'set', 'eth0', 'up');
    await inside(init.pid, 'route', 'add', range, 'via', gateway);
    for (const other of controlPlane.record.state.nodes) {
      await inside(init.pid, 'route', 'replace', other.podRange, 'via', other.address);
      await inside(other.init.pid, 'route', 'replace', network.podRange, 'via', network.address);
    }
  }
}
