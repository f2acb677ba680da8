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
  await ports.mounts.remove(targetPath);
  if (volume !== undefined && volume.spec.targetPath !== targetPath)
    await ports.mounts.remove(volume.spec.targetPath);
  // Last: until here a killed driver finds the record and the kubelet calls again.
  ports.records.remove(volumeId);
  table.delete(volumeId);
  if (volume === undefined) return;
  for (const request of requestsOf(volume)) table.release(volume.spec.pod.namespace, request);
}
