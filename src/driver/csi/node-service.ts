import { status } from '@grpc/grpc-js';
import type { VolumeHealth, VolumeStats } from '../volume/volume-stats.ts';
import { VolumeError } from '../volume/volume-error.ts';
import type { Volumes } from '../volume/volumes.ts';
import { checkPublishRequest, checkUnpublishRequest, checkVolumeId } from './check-request.ts';
import type { NodeHandlers } from './generated/csi/v1/Node.ts';
import type { NodeGetVolumeStatsResponse } from './generated/csi/v1/NodeGetVolumeStatsResponse.ts';
import { unary, type UnaryDependencies } from './unary.ts';

export interface NodeServiceOptions {
  readonly nodeId: string;
  readonly kubeletDir: string;
}

export interface NodeServiceDependencies extends UnaryDependencies {
  readonly volumes: Pick<Volumes, 'publish' | 'unpublish'>;
  readonly stats: (
    volumeId: string,
    path: string,
  ) => { readonly usage: VolumeStats; readonly health: VolumeHealth };
}

const capabilities = ['VOLUME_MOUNT_GROUP', 'GET_VOLUME_STATS', 'VOLUME_CONDITION'] as const;

/** CSI Node, for inline ephemeral volumes: no staging, no expansion. */
export function nodeService(
  options: NodeServiceOptions,
  dependencies: NodeServiceDependencies,
): NodeHandlers {
  const { kubeletDir, nodeId } = options;
  const { stats, volumes } = dependencies;
  return {
    NodePublishVolume: unary(
      { method: 'NodePublishVolume', quiet: false },
      dependencies,
      async (request, signal) => {
        await volumes.publish(checkPublishRequest(request, kubeletDir), signal);
        return {};
      },
    ),
    NodeUnpublishVolume: unary(
      { method: 'NodeUnpublishVolume', quiet: false },
      dependencies,
      async (request, signal) => {
        checkUnpublishRequest(request, kubeletDir);
        await volumes.unpublish(request.volume_id, request.target_path, signal);
        return {};
      },
    ),
    NodeGetVolumeStats: unary(
      { method: 'NodeGetVolumeStats', quiet: true },
      dependencies,
      async (request) => {
        checkVolumeId(request.volume_id);
        if (request.volume_path === '') throw new VolumeError('invalid-request', 'volume_path: must be set');
        return statsResponse(stats(request.volume_id, request.volume_path));
      },
    ),
    NodeGetCapabilities: unary({ method: 'NodeGetCapabilities', quiet: true }, dependencies, async () => ({
      capabilities: capabilities.map((type) => ({ rpc: { type } })),
    })),
    NodeGetInfo: unary({ method: 'NodeGetInfo', quiet: true }, dependencies, async () => ({
      node_id: nodeId,
    })),
    NodeStageVolume: notServed,
    NodeUnstageVolume: notServed,
    NodeExpandVolume: notServed,
  };
}

const notServed: NodeHandlers['NodeStageVolume'] &
  NodeHandlers['NodeUnstageVolume'] &
  NodeHandlers['NodeExpandVolume'] = (
  _call: unknown,
  callback: (error: { code: status; details: string }) => void,
): void =>
  callback({
    code: status.UNIMPLEMENTED,
    details: 'inline ephemeral volumes are neither staged nor expanded',
  });

function statsResponse({
  usage,
  health,
}: {
  usage: VolumeStats;
  health: VolumeHealth;
}): NodeGetVolumeStatsResponse {
  return {
    usage: [
      { unit: 'BYTES', ...usage.bytes },
      { unit: 'INODES', ...usage.inodes },
    ],
    volume_condition: health,
  };
}
