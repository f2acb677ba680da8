// Original file: proto/csi.proto


/**
 * Alpha until CSI 1.12 and gone from 1.13; kubelets up to 1.36 at least read it (feature gate CSIVolumeHealth).
 */
export interface VolumeCondition {
  'abnormal'?: (boolean);
  'message'?: (string);
}

/**
 * Alpha until CSI 1.12 and gone from 1.13; kubelets up to 1.36 at least read it (feature gate CSIVolumeHealth).
 */
export interface VolumeCondition__Output {
  'abnormal': (boolean);
  'message': (string);
}
