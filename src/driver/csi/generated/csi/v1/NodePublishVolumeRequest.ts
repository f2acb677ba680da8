// Original file: proto/csi.proto

import type { VolumeCapability as _csi_v1_VolumeCapability, VolumeCapability__Output as _csi_v1_VolumeCapability__Output } from '../../csi/v1/VolumeCapability.ts';

export interface NodePublishVolumeRequest {
  'volume_id'?: (string);
  'publish_context'?: ({[key: string]: string});
  'staging_target_path'?: (string);
  'target_path'?: (string);
  'volume_capability'?: (_csi_v1_VolumeCapability | null);
  'readonly'?: (boolean);
  /**
   * Secret: never logged. Holds the pod's tokens when the CSIDriver sets serviceAccountTokenInSecrets.
   */
  'secrets'?: ({[key: string]: string});
  /**
   * The attributes of the pod's csi volume and the csi.storage.k8s.io/* facts that the kubelet adds. Logged only
   * without csi.storage.k8s.io/serviceAccount.tokens, which is a secret.
   */
  'volume_context'?: ({[key: string]: string});
}

export interface NodePublishVolumeRequest__Output {
  'volume_id': (string);
  'publish_context': ({[key: string]: string});
  'staging_target_path': (string);
  'target_path': (string);
  'volume_capability': (_csi_v1_VolumeCapability__Output | null);
  'readonly': (boolean);
  /**
   * Secret: never logged. Holds the pod's tokens when the CSIDriver sets serviceAccountTokenInSecrets.
   */
  'secrets': ({[key: string]: string});
  /**
   * The attributes of the pod's csi volume and the csi.storage.k8s.io/* facts that the kubelet adds. Logged only
   * without csi.storage.k8s.io/serviceAccount.tokens, which is a secret.
   */
  'volume_context': ({[key: string]: string});
}
