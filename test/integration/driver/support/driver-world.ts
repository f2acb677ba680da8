import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateRequest, certificateRequests } from '../../../../src/api/certificate-request.ts';
import { parseMountTable } from '../../../../src/driver/volume/mount/mount-table.ts';
import { KubeClient, type Resource, systemClock } from '../../../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../../../cluster/control-plane.ts';
import { stderrLog } from '../../../cluster/log.ts';
import { clusterIssuerWithCa } from '../../../support/certificate-authority.ts';
import { CsiClient, type VolumeOfPod } from '../../../support/csi-client.ts';
import { eventually } from '../../../support/eventually.ts';
import { installManifests } from '../../../support/install-manifests.ts';
import { createNode, driverCredentials } from '../../../support/node-identity.ts';
import { namespace } from '../../../support/pods.ts';
import { ProgramProcess } from '../../../support/program-process.ts';
import { controllerCredentials } from '../../../support/controller-credentials.ts';
import { withoutClusterTrustBundles } from '../../../support/pod-certificates.ts';

export const notRoot = process.getuid?.() === 0 ? false : 'mounting needs root';

const nodeName = 'node-1';

/** An API server, a controller and a driver as processes, and the test in the kubelet's place. */
export class DriverWorld {
  readonly controlPlane: ControlPlane;
  /** Of everything on the node. */
  readonly directory: string;
  readonly requests: Resource<CertificateRequest>;
  /** Of the admin. */
  readonly #client: KubeClient;
  #controller: ProgramProcess | undefined;
  #driver: ProgramProcess | undefined;
  #csi: CsiClient | undefined;
  #volumes = 0;

  private constructor(controlPlane: ControlPlane, client: KubeClient) {
    this.controlPlane = controlPlane;
    this.#client = client;
    this.requests = client.resource(certificateRequests);
    this.directory = mkdtempSync(join(tmpdir(), 'certmount-node-'));
    mkdirSync(this.kubeletDir);
  }

  static async start(): Promise<DriverWorld> {
    const controlPlane = await startControlPlane({ log: stderrLog, ...withoutClusterTrustBundles });
    const connection = await controlPlane.connection('admin');
    const client = new KubeClient(
      { connection, userAgent: 'test' },
      { clock: systemClock, random: Math.random },
    );
    const world = new DriverWorld(controlPlane, client);
    try {
      await world.#prepare();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  get kubeletDir(): string {
    return join(this.directory, 'kubelet');
  }

  get socket(): string {
    return join(this.directory, 'csi.sock');
  }

  get registrationSocket(): string {
    return join(this.kubeletDir, 'plugins_registry', 'csi.certmount.io-reg.sock');
  }

  get stateDir(): string {
    return join(this.directory, 'volumes');
  }

  get driver(): ProgramProcess {
    if (this.#driver === undefined) throw new Error('no driver is running');
    return this.#driver;
  }

  get csi(): CsiClient {
    if (this.#csi === undefined) throw new Error('no driver is running');
    return this.#csi;
  }

  async startDriver(): Promise<void> {
    this.#driver = await this.newDriver(this.socket);
    this.#csi = new CsiClient(this.socket);
  }

  /** With the credentials and rights that the DaemonSet gives it. */
  async newDriver(socket: string, ...more: readonly string[]): Promise<ProgramProcess> {
    this.#kubeconfig ??= await this.driverKubeconfig();
    const flags = {
      '--kubeconfig': this.#kubeconfig,
      '--node-id': nodeName,
      '--endpoint': `unix://${socket}`,
      '--kubelet-dir': this.kubeletDir,
      '--log-level': 'debug',
    };
    const driver = new ProgramProcess({
      program: 'driver',
      flags: [...Object.entries(flags).flat(), ...more],
    });
    await driver.saying('serving');
    return driver;
  }
  #kubeconfig: string | undefined;

  /** Of a driver's pod on this node. */
  async driverKubeconfig(): Promise<string> {
    return this.controlPlane.kubeconfig(await driverCredentials(this.#client, nodeName));
  }

  /** Ends it in order, or kills it. */
  async endDriver(signal: NodeJS.Signals): Promise<number | null> {
    const code = await this.driver.end(signal);
    this.#csi?.close();
    this.#csi = undefined;
    this.#driver = undefined;
    return code;
  }

  async restartDriver(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.endDriver(signal);
    await this.startDriver();
  }

  /** A volume of a new pod, as the kubelet would ask for it; the folder above its target path is there. */
  async newVolume(
    attributes: Readonly<Record<string, string>> = {},
    changes: Partial<VolumeOfPod> = {},
  ): Promise<VolumeOfPod> {
    const name = `pod-${++this.#volumes}`;
    await this.controlPlane.kubectl(['create', '-f', '-'], JSON.stringify(podManifest(name)));
    const uid = await this.controlPlane.kubectl([
      'get',
      'pod',
      '-n',
      'web',
      name,
      '-o',
      'jsonpath={.metadata.uid}',
    ]);
    const folder = join(this.kubeletDir, 'pods', uid, 'volumes', 'kubernetes.io~csi', 'tls');
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    return {
      volumeId: `csi-${uid}`,
      targetPath: join(folder, 'mount'),
      pod: { name, namespace: 'web', uid },
      attributes: { 'issuer-name': 'ca', 'issuer-kind': 'ClusterIssuer', ...attributes },
      ...changes,
    };
  }

  async deletePod({ pod }: VolumeOfPod): Promise<void> {
    await this.controlPlane.kubectl(['delete', 'pod', '-n', pod.namespace, pod.name, '--now']);
  }

  /** Those of one volume. */
  async requestsOf({ volumeId }: VolumeOfPod): Promise<CertificateRequest[]> {
    const { items } = await this.requests.list({ namespace: 'web' });
    return items.filter(({ metadata }) => metadata.annotations?.['csi.certmount.io/volume-id'] === volumeId);
  }

  async oneRequestOf(volume: VolumeOfPod): Promise<CertificateRequest> {
    return eventually(`one request of ${volume.pod.name}`, async () => {
      const [request, ...more] = await this.requestsOf(volume);
      return more.length === 0 ? request : undefined;
    });
  }

  /** A CA of this name, and a ClusterIssuer that signs with it. */
  async createIssuer(name: string): Promise<string> {
    const { certificate, manifests } = await clusterIssuerWithCa(name);
    await this.controlPlane.apply(manifests);
    return certificate;
  }

  mountOf({ targetPath }: VolumeOfPod): { readonly line: string } | undefined {
    const text = readFileSync('/proc/self/mountinfo', 'utf8');
    const line = text.split('\n').find((entry) => parseMountTable(entry)[0]?.mountPoint === targetPath);
    return line === undefined ? undefined : { line };
  }

  /** What is left of a volume on the node: nothing, after an unpublish or a refused publish. */
  remainsOf(volume: VolumeOfPod): string[] {
    return [
      ...(this.mountOf(volume) === undefined ? [] : ['its mount']),
      ...(existsSync(volume.targetPath) ? ['its target path'] : []),
      ...readdirSync(this.stateDir).filter((name) => name.includes(volume.volumeId)),
    ];
  }

  async stop(): Promise<void> {
    this.#csi?.close();
    await Promise.all([this.#driver?.end('SIGKILL'), this.#controller?.end('SIGKILL')]);
    this.#client.close();
    for (const { mountPoint } of parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'))) {
      if (mountPoint.startsWith(`${this.directory}/`)) execFileSync('umount', ['-l', mountPoint]);
    }
    rmSync(this.directory, { recursive: true, force: true });
    await this.controlPlane.stop();
  }

  async #prepare(): Promise<void> {
    const { controlPlane } = this;
    await installManifests(controlPlane);
    await controlPlane.apply(namespace('web'));
    await controlPlane.kubectl(['wait', '--for=create', '-n', 'web', 'serviceaccount/default']);
    const kubeconfig = await controlPlane.kubeconfig(controllerCredentials);
    const flags = ['--kubeconfig', kubeconfig, '--leader-elect=false'];
    this.#controller = new ProgramProcess({ program: 'controller', flags });
    await this.createIssuer('ca');
    await createNode(this.#client, nodeName);
    await this.startDriver();
    await controlPlane.kubectl(['wait', '--for=condition=Ready', 'clusterissuer/ca', '--timeout=20s']);
  }
}

function podManifest(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'web' },
    spec: { nodeName, automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }] },
  };
}
