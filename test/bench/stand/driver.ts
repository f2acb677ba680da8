import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import type { CsiClient, VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { nodeName } from './install-cluster.ts';
import type { Program } from './program.ts';
import type { TestStand } from './test-stand.ts';

/** The driver under test, called as the kubelet calls it. */
export class Driver {
  readonly program: Program;
  /** Milliseconds from its start until the kubelet could have registered it. */
  readonly startedInMs: number;
  readonly #csi: CsiClient;
  readonly #stand: TestStand;

  constructor(parts: {
    readonly program: Program;
    readonly startedInMs: number;
    readonly csi: CsiClient;
    readonly stand: TestStand;
  }) {
    this.program = parts.program;
    this.startedInMs = parts.startedInMs;
    this.#csi = parts.csi;
    this.#stand = parts.stand;
  }

  /** Volumes of one pod, each with a target path whose parent the kubelet has made. */
  volumes(count: number, attributes: Readonly<Record<string, string>> = {}): VolumeOfPod[] {
    const { installed, kubeletDir } = this.#stand;
    const { name, namespace, uid } = installed.pod;
    return Array.from({ length: count }, (_, index) => {
      const volume = `certs-${index}`;
      const targetPath = join(kubeletDir, 'pods', uid, 'volumes/kubernetes.io~csi', volume, 'mount');
      mkdirSync(dirname(targetPath), { recursive: true });
      return {
        volumeId: `csi-${createHash('sha256').update(`${volume} ${namespace} ${uid}`).digest('hex')}`,
        targetPath,
        pod: { name, namespace, uid },
        attributes: { 'issuer-name': installed.issuer, 'issuer-kind': 'ClusterIssuer', ...attributes },
        mountGroup: '2000',
      };
    });
  }

  /** @returns milliseconds until the driver answered */
  async publish(volume: VolumeOfPod): Promise<number> {
    const started = performance.now();
    await this.#csi.publish(volume, 60_000);
    return performance.now() - started;
  }

  async unpublish(volumes: readonly VolumeOfPod[]): Promise<void> {
    await Promise.all(volumes.map((volume) => this.#csi.unpublish(volume, 60_000)));
  }

  /** Resolves when no request of this node is left: what an unpublish causes is over then. */
  async settled(): Promise<void> {
    const requests = this.#stand.admin.resource(certificateRequests);
    await eventually('the requests of the volumes to be deleted', async () => {
      const labelSelector = `${requestLabels.node}=${nodeName}`;
      const { items } = await requests.list({ labelSelector, limit: 1 });
      return items.length === 0 ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    this.#csi.close();
    await this.program.stop();
  }
}
