import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';

/** For a volume that has its files: who reads these has them whatever becomes of the socket. */
export async function serveWorkloadApi(spec: VolumeSpec, { log, workloadApis }: VolumePorts): Promise<void> {
  try {
    await workloadApis?.update(spec);
  } catch (error) {
    log.error({ error, volume: spec.volumeId }, 'cannot serve the Workload API in the volume');
  }
}
