import { isAbsolute, normalize } from 'node:path';
import { largestGroup } from '../volume/attributes/parse-attributes.ts';
import { validVolumeId } from '../volume/state/volume-records.ts';
import { VolumeError } from '../volume/volume-error.ts';
import type { VolumeSource } from '../volume/volumes.ts';
import type { NodePublishVolumeRequest__Output } from './generated/csi/v1/NodePublishVolumeRequest.ts';
import type { NodeUnpublishVolumeRequest__Output } from './generated/csi/v1/NodeUnpublishVolumeRequest.ts';

/** CSI §NodePublishVolume, and what an ephemeral inline volume adds (KEP-596). In the order a reader would ask. */
export function checkPublishRequest(
  request: NodePublishVolumeRequest__Output,
  kubeletDir: string,
): VolumeSource {
  checkVolumeId(request.volume_id);
  checkTargetPath(request.target_path, kubeletDir);
  const { volume_capability: capability, volume_context: context } = request;
  demand(capability !== null, 'volume_capability', 'must be set');
  demand(
    capability.access_type === 'mount' && capability.mount != null,
    'volume_capability.access_type',
    'must be mount: block volumes are not served',
  );
  const { fs_type: fsType, mount_flags: flags, volume_mount_group: group } = capability.mount;
  demand(
    fsType === '' || fsType === 'tmpfs',
    'volume_capability.mount.fs_type',
    `${JSON.stringify(fsType)} is not served: leave fsType out`,
  );
  const seLinuxContext = seLinuxContextOf(flags);
  demand(
    context['csi.storage.k8s.io/ephemeral'] === 'true',
    'volume_context["csi.storage.k8s.io/ephemeral"]',
    'must be "true": only inline volumes of pods are served, no PersistentVolumes',
  );
  demand(request.readonly, 'readonly', "must be true: set readOnly: true in the pod's csi volume");
  return {
    volumeId: request.volume_id,
    targetPath: request.target_path,
    context,
    mountGroup: mountGroupOf(group),
    seLinuxContext,
    secrets: request.secrets,
  };
}

export function checkUnpublishRequest(request: NodeUnpublishVolumeRequest__Output, kubeletDir: string): void {
  checkVolumeId(request.volume_id);
  checkTargetPath(request.target_path, kubeletDir);
}

export function checkVolumeId(volumeId: string): void {
  demand(volumeId !== '', 'volume_id', 'must be set');
  demand(
    validVolumeId.test(volumeId),
    'volume_id',
    'must be at most 128 letters, digits, ".", "_" and "-", and not start with "."',
  );
}

function checkTargetPath(path: string, kubeletDir: string): void {
  demand(path !== '', 'target_path', 'must be set');
  demand(
    isAbsolute(path) && normalize(path) === path && !path.endsWith('/') && !path.includes('\0'),
    'target_path',
    `${JSON.stringify(path)} must be an absolute path without "." and ".."`,
  );
  demand(
    path.startsWith(`${kubeletDir}/`),
    'target_path',
    `${JSON.stringify(path)} must be under the kubelet's directory ${kubeletDir}`,
  );
}

/** `user:role:type`, then what levels and categories there are; no quote, no space, nothing that ends a mount option. */
const seLinuxFlag = /^context="([A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+){2}(?::[A-Za-z0-9_.,:-]+)?)"$/;

/**
 * The kubelet's only flag: with CSIDriver `seLinuxMount: true` and on a node with SELinux it asks for one label for the whole
 * volume, in quotes because categories are separated by commas. (Up to 1.36 it does so for PersistentVolumes alone.)
 */
function seLinuxContextOf(flags: readonly string[]): string | undefined {
  const [flag, ...more] = flags;
  if (flag === undefined) return undefined;
  const [, label] = seLinuxFlag.exec(flag) ?? [];
  demand(
    label !== undefined && more.length === 0,
    'volume_capability.mount.mount_flags',
    `${JSON.stringify(flags)} is not served: only one flag context="USER:ROLE:TYPE:LEVEL" is, for SELinux`,
  );
  return label;
}

function mountGroupOf(text: string): number | undefined {
  if (text === '') return undefined;
  const group = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  demand(
    group >= 0 && group <= largestGroup,
    'volume_capability.mount.volume_mount_group',
    `${JSON.stringify(text)} must be a group id from 0 to ${largestGroup}`,
  );
  return group;
}

function demand(holds: boolean, field: string, what: string): asserts holds {
  if (!holds) throw new VolumeError('invalid-request', `${field}: ${what}`);
}
