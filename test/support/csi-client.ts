import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import descriptor from '../../src/driver/csi/generated/descriptor.json' with { type: 'json' };
import type { IdentityClient } from '../../src/driver/csi/generated/csi/v1/Identity.ts';
import type { NodeClient } from '../../src/driver/csi/generated/csi/v1/Node.ts';
import type { NodePublishVolumeRequest } from '../../src/driver/csi/generated/csi/v1/NodePublishVolumeRequest.ts';
import type { ProtoGrpcType } from '../../src/driver/csi/generated/csi.ts';

export interface VolumeOfPod {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly pod: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly serviceAccount?: string;
  };
  readonly attributes: Readonly<Record<string, string>>;
  readonly mountGroup?: string;
}

/** Calls a driver as the kubelet does. */
export class CsiClient {
  readonly identity: IdentityClient;
  readonly node: NodeClient;

  /** @param authority what the kubelet and csi-sanity send on a unix socket */
  constructor(socket: string, authority = 'localhost') {
    const types = loadPackageDefinition(
      fromJSON(descriptor as Parameters<typeof fromJSON>[0], {
        keepCase: true,
        longs: Number,
        enums: String,
        defaults: true,
        oneofs: true,
      }),
    ) as unknown as ProtoGrpcType;
    const options = { 'grpc.default_authority': authority };
    this.identity = new types.csi.v1.Identity(`unix:${socket}`, credentials.createInsecure(), options);
    this.node = new types.csi.v1.Node(`unix:${socket}`, credentials.createInsecure(), options);
  }

  publish(volume: VolumeOfPod, timeoutMs = 20_000): Promise<void> {
    return this.publishRaw(publishRequest(volume), timeoutMs);
  }

  publishRaw(request: NodePublishVolumeRequest, timeoutMs = 20_000): Promise<void> {
    return new Promise((resolve, reject) => {
      this.node.NodePublishVolume(request, new Metadata(), { deadline: Date.now() + timeoutMs }, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  unpublish(volume: Pick<VolumeOfPod, 'volumeId' | 'targetPath'>, timeoutMs = 20_000): Promise<void> {
    return new Promise((resolve, reject) => {
      this.node.NodeUnpublishVolume(
        { volume_id: volume.volumeId, target_path: volume.targetPath },
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error) => (error === null ? resolve() : reject(error)),
      );
    });
  }

  /** Whether it answers, and says that it is ready. */
  probe(timeoutMs = 1_000): Promise<boolean> {
    return new Promise((resolve) => {
      this.identity.Probe({}, new Metadata(), { deadline: Date.now() + timeoutMs }, (error, answer) =>
        resolve(error === null && answer?.ready?.value === true),
      );
    });
  }

  close(): void {
    this.identity.close();
    this.node.close();
  }
}

/** The request of the kubelet for an inline volume. */
export function publishRequest(volume: VolumeOfPod): NodePublishVolumeRequest {
  const { attributes, pod, mountGroup = '', targetPath, volumeId } = volume;
  return {
    volume_id: volumeId,
    target_path: targetPath,
    readonly: true,
    volume_capability: {
      mount: { fs_type: '', mount_flags: [], volume_mount_group: mountGroup },
      access_mode: { mode: 'SINGLE_NODE_WRITER' },
    },
    volume_context: {
      ...attributes,
      'csi.storage.k8s.io/ephemeral': 'true',
      'csi.storage.k8s.io/pod.name': pod.name,
      'csi.storage.k8s.io/pod.namespace': pod.namespace,
      'csi.storage.k8s.io/pod.uid': pod.uid,
      'csi.storage.k8s.io/serviceAccount.name': pod.serviceAccount ?? 'default',
    },
  };
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
