import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMountTable } from '../../../src/driver/volume/mount/mount-table.ts';
import { CsiClient, type VolumeOfPod } from '../../support/csi-client.ts';
import { createPod } from '../../support/node-identity.ts';
import type { Moment } from './driver-protocol.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { FaultyDriver } from './faulty-driver.ts';
import { soon } from './soon.ts';
import { filesOnDisk, secrets } from './volume-set.ts';

interface StartOptions {
  /** Killed there, from its start on. */
  readonly kill?: Moment;
  /** In place of the API server's own address. */
  readonly server?: string;
  readonly tokenFile?: string;
}

/** A node's folders, its pod, and the driver that runs and dies there; the test is its kubelet. */
export class FaultNode {
  readonly name: string;
  readonly directory: string;
  readonly cluster: FaultCluster;
  /** Of every driver that ran here. */
  readonly log: string[] = [];
  readonly #pod: VolumeOfPod['pod'];
  #driver: FaultyDriver | undefined;
  #csi: CsiClient | undefined;
  #volumes = 0;
  #clockOffsetMs = 0;
  #flags: readonly string[] = [];

  private constructor(cluster: FaultCluster, name: string, pod: VolumeOfPod['pod']) {
    this.cluster = cluster;
    this.name = name;
    this.#pod = pod;
    this.directory = join(cluster.directory, name);
    mkdirSync(join(this.kubeletDir, 'plugins'), { recursive: true });
  }

  static async create(cluster: FaultCluster, name: string): Promise<FaultNode> {
    const { token } = await cluster.boundToken(name);
    const pod = { name: `pod-of-${name}`, namespace: 'web' };
    const { metadata } = await createPod(cluster.client, { ...pod, nodeName: name });
    const node = new FaultNode(cluster, name, { ...pod, uid: metadata.uid ?? '' });
    writeFileSync(node.#tokenFile, token, { mode: 0o600 });
    return node;
  }

  get kubeletDir(): string {
    return join(this.directory, 'kubelet');
  }

  get #tokenFile(): string {
    return join(this.cluster.directory, `${this.name}.token`);
  }

  get stateDir(): string {
    return join(this.directory, 'volumes');
  }

  get registrationSocket(): string {
    return join(this.kubeletDir, 'plugins_registry', 'csi.certmount.io-reg.sock');
  }

  get driver(): FaultyDriver {
    if (this.#driver === undefined) throw new Error(`no driver runs on ${this.name}`);
    return this.#driver;
  }

  get csi(): CsiClient {
    if (this.#csi === undefined) throw new Error(`no driver runs on ${this.name}`);
    return this.#csi;
  }

  /** @returns whether it got as far as to serve */
  async start(options: StartOptions = {}): Promise<boolean> {
    const { caFile, controlPlane } = this.cluster;
    const driver = new FaultyDriver(
      {
        server: options.server ?? controlPlane.server.href,
        caFile,
        tokenFile: options.tokenFile ?? this.#tokenFile,
        clockOffsetMs: this.#clockOffsetMs,
        ...(options.kill && { kill: options.kill }),
        flags: Object.entries({
          '--node-id': this.name,
          '--endpoint': `unix://${join(this.directory, 'csi.sock')}`,
          '--kubelet-dir': this.kubeletDir,
          '--metrics-address': '127.0.0.1:0',
        })
          .flat()
          .concat(this.#flags),
      },
      join(this.cluster.directory, 'compiled'),
    );
    this.#driver = driver;
    const serves = await driver.serving();
    if (!serves && options.kill === undefined)
      throw new Error(`the driver has ended: ${driver.log.slice(-3).join('\n')}`);
    if (serves) this.#csi = new CsiClient(join(this.directory, 'csi.sock'));
    return serves;
  }

  /** Every driver from now on has these flags too. */
  async restartWith(...flags: readonly string[]): Promise<void> {
    await this.end('SIGKILL');
    this.#flags = flags;
    await this.start();
  }

  /** A kubelet's new connection to the socket. */
  reconnect(): void {
    this.#csi?.close();
    this.#csi = new CsiClient(join(this.directory, 'csi.sock'));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.driver.end(signal);
    this.#forgetDriver();
  }

  /** Waits until the driver has killed itself. */
  async endedItself(): Promise<void> {
    await soon('the driver to be killed', () => this.driver.hasEnded || undefined, 10_000);
    this.#forgetDriver();
  }

  #forgetDriver(): void {
    this.log.push(...this.driver.log);
    this.#csi?.close();
    this.#csi = undefined;
    this.#driver = undefined;
  }

  newVolume(
    attributes: Readonly<Record<string, string>> = {},
    changes: Partial<VolumeOfPod> = {},
  ): VolumeOfPod {
    this.#volumes += 1;
    const volumeId = `csi-${this.name}-${this.#volumes}`;
    const folder = join(this.kubeletDir, 'pods', this.#pod.uid, 'volumes/kubernetes.io~csi', volumeId);
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    return {
      volumeId,
      targetPath: join(folder, 'mount'),
      pod: this.#pod,
      attributes: { 'issuer-name': 'ca', 'issuer-kind': 'ClusterIssuer', ...attributes },
      ...changes,
    };
  }

  /**
   * The wall clock goes on by so much, or back, and what sleeps looks at it at once.
   *
   * @param wakeMs what sleeps for longer sleeps on; renewals look at the clock every 30 s
   */
  async elapse(ms: number, wakeMs = 30_000): Promise<void> {
    this.#clockOffsetMs += ms;
    await this.driver.setClock(this.#clockOffsetMs, wakeMs);
  }

  async resetClock(): Promise<void> {
    this.#clockOffsetMs = 0;
    await this.driver.setClock(0, 0);
  }

  isMounted({ targetPath }: VolumeOfPod): boolean {
    return this.#mountPoints().includes(targetPath);
  }

  umount({ targetPath }: VolumeOfPod): void {
    execFileSync('umount', ['-l', targetPath]);
  }

  /** What there still is of the volume, on the node and in the API. */
  remainsOf(volume: VolumeOfPod): string[] {
    return [
      ...this.#mountPoints().filter((path) => path === volume.targetPath),
      ...(existsSync(volume.targetPath) ? ['its target path'] : []),
      ...readdirSync(this.stateDir).filter((name) => name.includes(`${volume.volumeId}.`)),
      ...this.cluster.present(volume.volumeId).map(({ metadata }) => `request ${metadata.name}`),
    ];
  }

  /** Of all its volumes. */
  remains(): string[] {
    return [...this.#mountPoints(), ...readdirSync(this.stateDir)];
  }

  /** Unpublishes as the kubelet does, until it is done; fails when anything stays. */
  async takeDown(volume: VolumeOfPod): Promise<void> {
    await this.csi.unpublish(volume);
    await soon(`nothing of ${volume.volumeId} to stay`, () => {
      const remains = this.remainsOf(volume);
      if (remains.length > 0) throw new Error(remains.join());
      return true;
    });
  }

  /** Records, sockets, and all that is no tmpfs. */
  assertNoKeyOnDisk(): void {
    for (const { path, text } of filesOnDisk(this.directory)) assert.doesNotMatch(text, secrets, path);
  }

  /** Ends the driver, if one runs, and takes all mounts off. */
  async remove(): Promise<void> {
    this.#csi?.close();
    await this.#driver?.end('SIGKILL');
    for (const path of this.#mountPoints()) execFileSync('umount', ['-l', path]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #mountPoints(): string[] {
    return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'))
      .map(({ mountPoint }) => mountPoint)
      .filter((path) => path.startsWith(`${this.directory}/`));
  }
}
