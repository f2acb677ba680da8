import { createHash } from 'node:crypto';

/** How the kubelet names an inline volume to its driver (makeVolumeHandle of pkg/volume/csi). */
export function volumeIdOf(podUid: string, volumeName: string): string {
  return `csi-${createHash('sha256').update(`${podUid}${volumeName}`).digest('hex')}`;
}
