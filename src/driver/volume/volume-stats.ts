import type * as nodeFs from 'node:fs';
import type { Clock } from '../../kube/index.ts';
import { VolumeError } from './volume-error.ts';
import type { VolumeMounts } from './mount/volume-mounts.ts';
import { isLive, type Volume } from './volume.ts';

interface Amount {
  readonly available: number;
  readonly total: number;
  readonly used: number;
}

export interface VolumeStats {
  readonly bytes: Amount;
  readonly inodes: Amount;
}

/** CSI VolumeCondition. */
export interface VolumeHealth {
  readonly abnormal: boolean;
  readonly message: string;
}

export interface VolumeStatsDependencies {
  readonly clock: Clock;
  readonly fs: Pick<typeof nodeFs, 'statfsSync'>;
  readonly mounts: Pick<VolumeMounts, 'isMounted'>;
}

/** A renewal that is late by more than the longest time between two attempts is a fault, not bad luck. */
const toleratedDelayMs = 5 * 60_000;

/** @throws {VolumeError} `not-found` where the volume is not published at this path */
export function volumeStats(
  volume: Volume | undefined,
  path: string,
  dependencies: VolumeStatsDependencies,
): { readonly usage: VolumeStats; readonly health: VolumeHealth } {
  if (volume?.spec.targetPath !== path || !dependencies.mounts.isMounted(path)) {
    throw new VolumeError(
      'not-found',
      `no volume of this driver is published at ${JSON.stringify(path)} under this id`,
    );
  }
  const { bavail, bfree, blocks, bsize, ffree, files } = dependencies.fs.statfsSync(path);
  return {
    usage: {
      bytes: { available: bavail * bsize, total: blocks * bsize, used: (blocks - bfree) * bsize },
      inodes: { available: ffree, total: files, used: files - ffree },
    },
    health: volumeHealth(volume, dependencies.clock.now()),
  };
}

export function volumeHealth(volume: Volume, now: number): VolumeHealth {
  if (!isLive(volume)) return { abnormal: true, message: 'the volume has no certificate yet' };
  const expiry = new Date(volume.generation.notAfter).toISOString();
  if (volume.generation.notAfter <= now)
    return { abnormal: true, message: `the certificate expired at ${expiry}` };
  if (volume.renewAt + toleratedDelayMs < now) {
    const due = new Date(volume.renewAt).toISOString();
    return {
      abnormal: true,
      message: `the certificate was due for renewal at ${due}; it expires at ${expiry}`,
    };
  }
  return { abnormal: false, message: `the certificate is valid until ${expiry}` };
}
