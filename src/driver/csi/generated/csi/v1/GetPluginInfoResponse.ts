// Original file: proto/csi.proto


export interface GetPluginInfoResponse {
  /**
   * The driver's name as in CSIDriver.metadata.name: at most 63 characters, in the form of a domain name.
   */
  'name'?: (string);
  'vendor_version'?: (string);
  'manifest'?: ({[key: string]: string});
}

export interface GetPluginInfoResponse__Output {
  /**
   * The driver's name as in CSIDriver.metadata.name: at most 63 characters, in the form of a domain name.
   */
  'name': (string);
  'vendor_version': (string);
  'manifest': ({[key: string]: string});
}
