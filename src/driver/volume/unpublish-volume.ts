import { requestsOf } from './volume.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeTable } from './volumes.ts';

/** Takes the volume off the node. What is not there is fine; the API server is not needed. */
export async function unpublishVolume(
  volumeId: string,
  targetPath: string,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const volume = table.get(volumeId);
  await ports.workloadApis?.close(volumeId);
  if (ports.mounts.isLeftByOther(targetPath)) await emptyLeft(volumeId, targetPath, ports);
  await ports.mounts.remove(targetPath);
  if (volume !== undefined && volume.spec.targetPath !== targetPath)
    await ports.mounts.remove(volume.spec.targetPath);
  // Last: until here a killed driver finds the record and the kubelet calls again.
  ports.records.remove(volumeId);
  table.delete(volumeId);
  if (volume === undefined) return;
  ports.subPaths.forget(volume.spec.pod);
  for (const request of requestsOf(volume)) table.release(volume.spec.pod.namespace, request);
}

/** The folder of another driver outlives its mount, in that one's tmpfs: no key is to stay in it. */
async function emptyLeft(volumeId: string, targetPath: string, ports: VolumePorts): Promise<void> {
  try {
    // First, unlike below: a restarted driver would take what is half empty for a volume that needs a certificate.
    ports.records.remove(volumeId);
    await ports.mounts.takeOver(targetPath);
    ports.files.empty(targetPath);
  } catch (error) {
    ports.log.error({ error, volume: volumeId }, 'files of another driver stay in its tmpfs');
  }
}
