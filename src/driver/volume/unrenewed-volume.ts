import { type PodIdentity, podIdentityOf } from './identity.ts';
import { VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSource, VolumeTable } from './volumes.ts';

/** A volume with files that a pod may be using and that this driver does not renew. */
export interface UnrenewedVolume {
  readonly volumeId: string;
  /** End of its certificate, milliseconds since the epoch; undefined where the files do not say. */
  readonly notAfter: number | undefined;
}

/**
 * Of a volume that has its files although this driver cannot go on with it, mostly because with other flags or in another
 * version it does not accept its attributes. It stays as it is and would expire unseen, but for the pod and the metrics.
 */
export function leaveUnrenewed(
  source: Pick<VolumeSource, 'volumeId' | 'targetPath' | 'context'>,
  error: unknown,
  table: VolumeTable,
  ports: VolumePorts,
): void {
  const { targetPath, volumeId } = source;
  const notAfter = readNotAfter(targetPath, ports);
  table.leaveUnrenewed({ volumeId, notAfter });
  const pod = podOf(source);
  if (pod === undefined) return;
  const why = error instanceof VolumeError ? error.message : 'its log says why';
  const until = notAfter === undefined ? 'they expire' : new Date(notAfter).toISOString();
  ports.events.warn(
    pod,
    'VolumeNotRenewed',
    `The driver cannot go on with the volume and does not renew it: ${why}. The pod keeps its files; replace it before ${until}.`,
  );
}

function readNotAfter(targetPath: string, { files }: VolumePorts): number | undefined {
  try {
    const { notAfter } = JSON.parse(files.read(targetPath, 'certificate.json') ?? '{}') as {
      notAfter?: unknown;
    };
    const time = typeof notAfter === 'string' ? Date.parse(notAfter) : Number.NaN;
    return Number.isNaN(time) ? undefined : time;
  } catch {
    return undefined;
  }
}

function podOf({ context }: Pick<VolumeSource, 'context'>): PodIdentity | undefined {
  try {
    return podIdentityOf(context);
  } catch {
    return undefined;
  }
}
