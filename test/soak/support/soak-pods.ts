import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Pod, pods as podResource } from '../../../src/api/core.ts';
import { isKubeError } from '../../../src/kube/index.ts';
import { nodeName } from '../../bench/stand/install-cluster.ts';
import { isServiceError, type VolumeOfPod } from '../../support/csi-client.ts';
import type { SoakStand } from './soak-stand.ts';

/**
 * A minute is the shortest lifetime there is. Renewed after a good twenty seconds, so that forty are left for an API server
 * that is away and for the waits between attempts after it.
 */
const attributes = { duration: '1m', 'renew-before': '32s' };
const limitMs = 120_000;

export interface SoakPodsCounts {
  published: number;
  unpublished: number;
  /** Calls that failed and were made again. */
  repeated: number;
}

/** Pods that come and go, and the kubelet's calls for their volumes. */
export class SoakPods {
  readonly counts: SoakPodsCounts = { published: 0, unpublished: 0, repeated: 0 };
  /** Volumes that a container may read: published, and not about to go. */
  readonly live = new Set<VolumeOfPod>();
  readonly #stand: SoakStand;
  #names = 0;

  constructor(stand: SoakStand) {
    this.#stand = stand;
  }

  /** Resolves when its volume is there. */
  async add(): Promise<void> {
    const pod = await this.#createPod(`soak-${++this.#names}`);
    const { name = '', namespace = '', uid = '' } = pod.metadata;
    const targetPath = join(this.#stand.kubeletDir, 'pods', uid, 'volumes/kubernetes.io~csi/tls/mount');
    mkdirSync(dirname(targetPath), { recursive: true });
    const volume: VolumeOfPod = {
      volumeId: `csi-${createHash('sha256').update(`tls ${namespace} ${uid}`).digest('hex')}`,
      targetPath,
      pod: { name, namespace, uid },
      attributes: {
        'issuer-name': this.#stand.installed.issuer,
        'issuer-kind': 'ClusterIssuer',
        ...attributes,
      },
      mountGroup: '2000',
    };
    await this.#again(`publish ${name}`, async () => this.#csi().publish(volume, 30_000));
    this.counts.published += 1;
    this.live.add(volume);
  }

  async remove(volume: VolumeOfPod): Promise<void> {
    this.live.delete(volume);
    await this.#again(`unpublish ${volume.pod.name}`, async () => this.#csi().unpublish(volume, 30_000));
    this.counts.unpublished += 1;
    rmSync(join(this.#stand.kubeletDir, 'pods', volume.pod.uid), { recursive: true });
    const { name, namespace } = volume.pod;
    await this.#again(`delete ${name}`, async () => {
      const pods = this.#stand.admin.resource(podResource);
      await pods.delete({ namespace, name }, { gracePeriodSeconds: 0 }).catch((error: unknown) => {
        if (!isKubeError(error) || error.reason !== 'not-found') throw error;
      });
    });
  }

  #csi(): NonNullable<SoakStand['driver']>['csi'] {
    const { driver } = this.#stand;
    if (driver === undefined) throw new DriverIsDown('the driver is down');
    return driver.csi;
  }

  async #createPod(name: string): Promise<Pod> {
    const pods = this.#stand.admin.resource(podResource);
    const { namespace } = this.#stand.installed.pod;
    const spec = {
      nodeName,
      containers: [{ name: 'main', image: 'none' }],
      // The node never reports, for which its pods would be evicted.
      tolerations: [{ operator: 'Exists' }],
    };
    return this.#again(`create ${name}`, async () => {
      try {
        return await pods.create({ metadata: { name, namespace }, spec });
      } catch (error) {
        // An attempt before got through, though its answer did not.
        if (isKubeError(error) && error.reason === 'already-exists') return pods.get({ namespace, name });
        throw error;
      }
    });
  }

  /** As the kubelet does it: whatever failed is tried again, half a second later at first. */
  async #again<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const end = Date.now() + limitMs;
    for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 8_000)) {
      try {
        return await attempt();
      } catch (error) {
        const passes = isKubeError(error) || isServiceError(error) || error instanceof DriverIsDown;
        if (!passes || Date.now() > end) throw new Error(`cannot ${what}`, { cause: error });
        this.counts.repeated += 1;
        await pause(waitMs);
      }
    }
  }
}

class DriverIsDown extends Error {}
