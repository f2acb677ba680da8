import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AnchorSet,
  anchorSetName,
  anchorSets,
  type AnchorSetSpec,
  type AnchorSource,
  anchorSourceText,
} from '../../../../src/api/anchor-set.ts';
import { type CertificateRequest, certificateRequests } from '../../../../src/api/certificate-request.ts';
import { type NodeTrust, nodeTrusts } from '../../../../src/api/node-trust.ts';
import { parseMountTable } from '../../../../src/driver/volume/mount/mount-table.ts';
import {
  isKubeError,
  KubeClient,
  Reflector,
  type Resource,
  systemClock,
} from '../../../../src/kube/index.ts';
import { root } from '../../../../tools/run-command.ts';
import { type ControlPlane, startControlPlane } from '../../../cluster/control-plane.ts';
import { stderrLog } from '../../../cluster/log.ts';
import { CsiClient, type VolumeOfPod } from '../../../support/csi-client.ts';
import { eventually } from '../../../support/eventually.ts';
import { createPod, driverCredentials } from '../../../support/node-identity.ts';
import { namespace } from '../../../support/pods.ts';
import { ProgramProcess } from '../../../support/program-process.ts';
import { Authority } from '../../../unit/driver/support/authority.ts';
import { whenEstablished } from '../../../support/when-established.ts';

const nodeName = 'node-1';

/** The issuer of all volumes. */
export const issuer: AnchorSource = { kind: 'ClusterIssuer', name: 'ca' };

/** An API server and a driver; approver, issuer, writer of anchors and kubelet are the test. */
export class TrustWorld {
  readonly controlPlane: ControlPlane;
  readonly authority: Authority;
  /** Of everything on the node. */
  readonly directory = mkdtempSync(join(tmpdir(), 'certmount-trust-'));
  readonly requests: Reflector<CertificateRequest>;
  readonly #client: KubeClient;
  readonly #stop = new AbortController();
  readonly #kubeconfig: string;
  readonly #pod: VolumeOfPod['pod'];
  #driver: ProgramProcess | undefined;
  #csi: CsiClient | undefined;
  #volumes = 0;

  private constructor(
    controlPlane: ControlPlane,
    client: KubeClient,
    authority: Authority,
    kubeconfig: string,
    pod: VolumeOfPod['pod'],
  ) {
    this.controlPlane = controlPlane;
    this.authority = authority;
    this.#client = client;
    this.#kubeconfig = kubeconfig;
    this.#pod = pod;
    const resource = client.resource(certificateRequests);
    this.requests = new Reflector({ resource }, { clock: systemClock, random: Math.random });
    this.requests.subscribe(({ object, type }) => {
      if (type === 'added') void sign(object, authority, resource);
    });
    void this.requests.run(this.#stop.signal);
  }

  static async start(): Promise<TrustWorld> {
    const controlPlane = await startControlPlane({ log: stderrLog });
    const connection = await controlPlane.connection('admin');
    const client = new KubeClient(
      { connection, userAgent: 'test' },
      { clock: systemClock, random: Math.random },
    );
    await controlPlane.applyPath(join(root, 'deploy/crds'));
    await controlPlane.apply(['certmount', 'web'].map(namespace));
    await controlPlane.kubectl(['apply', '-n', 'certmount', '-f', join(root, 'daemonset/rbac.yaml')]);
    await controlPlane.applyPath(join(root, 'deploy/policies/node-trust.yaml'));
    await whenEstablished(client);
    const kubeconfig = await controlPlane.kubeconfig(await driverCredentials(client, nodeName));
    const { metadata } = await createPod(client, { namespace: 'web', name: 'pod', nodeName });
    const pod = { name: 'pod', namespace: 'web', uid: metadata.uid ?? '' };
    const world = new TrustWorld(controlPlane, client, await Authority.create(Date.now()), kubeconfig, pod);
    try {
      await world.startDriver();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
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
    const socket = join(this.directory, 'csi.sock');
    const flags = {
      '--kubeconfig': this.#kubeconfig,
      '--node-id': nodeName,
      '--endpoint': `unix://${socket}`,
      '--kubelet-dir': this.directory,
    };
    this.#driver = new ProgramProcess({ program: 'driver', flags: Object.entries(flags).flat() });
    await this.#driver.saying('serving');
    this.#csi = new CsiClient(socket);
  }

  async killDriver(): Promise<void> {
    await this.driver.end('SIGKILL');
    this.#csi?.close();
    this.#driver = undefined;
  }

  /** Publishes a volume with these attributes, and waits until it is there. */
  async publish(attributes: Readonly<Record<string, string>> = {}): Promise<VolumeOfPod> {
    const volume = this.newVolume(attributes);
    await this.csi.publish(volume);
    return volume;
  }

  newVolume(attributes: Readonly<Record<string, string>> = {}): VolumeOfPod {
    const volumeId = `csi-${++this.#volumes}`;
    const folder = join(this.directory, 'pods', this.#pod.uid, 'volumes/kubernetes.io~csi', volumeId);
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    return {
      volumeId,
      targetPath: join(folder, 'mount'),
      pod: this.#pod,
      attributes: { 'issuer-name': 'ca', 'issuer-kind': 'ClusterIssuer', ...attributes },
    };
  }

  /** As the controller writes it. */
  async setAnchors(
    source: AnchorSource,
    anchors: string,
    changes: Partial<AnchorSetSpec> = {},
  ): Promise<AnchorSet> {
    const resource = this.#client.resource(anchorSets);
    const name = anchorSetName(source);
    const before = await resource.get({ name }).catch(() => undefined);
    const sequence = (before?.spec.sequence ?? 0) + 1;
    const spec = { source: anchorSourceText(source), anchors, sequence, ...changes };
    return before === undefined
      ? resource.create({ metadata: { name }, spec })
      : resource.replace({ ...before, spec });
  }

  /** What the driver says of its node, as soon as it is accepted. */
  report(accept: (report: NodeTrust) => boolean, timeoutMs = 5_000): Promise<NodeTrust> {
    const resource = this.#client.resource(nodeTrusts);
    return eventually(
      'the NodeTrust',
      async () => {
        const report = await resource.get({ name: `${nodeName}.csi.certmount.io` });
        if (!accept(report)) throw new Error(JSON.stringify(report.spec));
        return report;
      },
      timeoutMs,
    );
  }

  async metric(name: string): Promise<number> {
    const { text } = await this.driver.get('/metrics');
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#csi?.close();
    await this.#driver?.end('SIGKILL');
    this.#client.close();
    for (const { mountPoint } of parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'))) {
      if (mountPoint.startsWith(`${this.directory}/`)) execFileSync('umount', ['-l', mountPoint]);
    }
    rmSync(this.directory, { recursive: true, force: true });
    await this.controlPlane.stop();
  }
}

/** Names of the files that a pod sees. */
export function namesIn({ targetPath }: VolumeOfPod): string[] {
  return readdirSync(targetPath).filter((name) => !name.startsWith('..'));
}

async function sign(
  request: CertificateRequest,
  authority: Authority,
  resource: Resource<CertificateRequest>,
): Promise<void> {
  if (request.status?.certificate !== undefined) return;
  const status = await authority.sign(request, Date.now());
  await resource.replaceStatus({ ...request, status }).catch((error: unknown) => {
    if (!isKubeError(error, 'not-found', 'conflict')) throw error;
  });
}
