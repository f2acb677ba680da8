/** Marks on the CertificateRequests of the driver: it finds its own again by them, and approval compares the node. */
export const requestLabels = {
  /** Two drivers may serve one node, as in a move from one name to another: each sees its own requests only. */
  driver: 'csi.certmount.io/driver',
  node: 'csi.certmount.io/node',
  volume: 'csi.certmount.io/volume',
} as const;

export const requestAnnotations = {
  podUid: 'csi.certmount.io/pod-uid',
  volumeId: 'csi.certmount.io/volume-id',
} as const;
