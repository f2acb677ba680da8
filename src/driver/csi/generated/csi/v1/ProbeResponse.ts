// Original file: proto/csi.proto

import type { BoolValue as _google_protobuf_BoolValue, BoolValue__Output as _google_protobuf_BoolValue__Output } from '../../google/protobuf/BoolValue.ts';

export interface ProbeResponse {
  /**
   * Absent means ready. A plugin that is broken answers with an error instead, one that still starts with false.
   */
  'ready'?: (_google_protobuf_BoolValue | null);
}

export interface ProbeResponse__Output {
  /**
   * Absent means ready. A plugin that is broken answers with an error instead, one that still starts with false.
   */
  'ready': (_google_protobuf_BoolValue__Output | null);
}
