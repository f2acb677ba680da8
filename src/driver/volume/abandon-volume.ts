import { requestsOf } from './volume.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSource, VolumeTable } from './volumes.ts';

type VolumePlace = Pick<VolumeSource, 'volumeId' | 'targetPath'>;

/**
 * Gives up what earlier calls have begun for a volume, because this one fails for good and the kubelet forgets the volume.
 * A volume that has files stays: a pod may run with them.
 */
export async function abandonVolume(
  place: VolumePlace,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const { targetPath, volumeId } = place;
  if (ports.mounts.isMounted(targetPath) && ports.files.writtenAt(targetPath) !== undefined) return;
  const known = table.get(volumeId);
  await clearNode(place, ports);
  table.delete(volumeId);
  if (known === undefined) return;
  ports.subPaths.forget(known.spec.pod);
  for (const request of requestsOf(known)) table.release(known.spec.pod.namespace, request);
}

/** Takes socket, mount and record away. What cannot be removed is for people: the call has failed for another reason. */
export async function clearNode({ targetPath, volumeId }: VolumePlace, ports: VolumePorts): Promise<void> {
  try {
    await ports.workloadApis?.close(volumeId);
    // A pod may run with what somebody else has mounted for it.
    if (!ports.mounts.isForeign(targetPath)) await ports.mounts.remove(targetPath);
    ports.records.remove(volumeId);
  } catch (error) {
    ports.log.error({ error, volume: volumeId }, 'cannot clean up after a failed publish');
  }
}
