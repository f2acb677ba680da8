// Original file: proto/workloadapi.proto


export interface X509BundlesResponse {
  /**
   * DER.
   */
  'crl'?: (Buffer | Uint8Array | string)[];
  /**
   * By the SPIFFE IDs of the trust domains; DER certificates one after the other.
   */
  'bundles'?: ({[key: string]: Buffer | Uint8Array | string});
}

export interface X509BundlesResponse__Output {
  /**
   * DER.
   */
  'crl': (Buffer)[];
  /**
   * By the SPIFFE IDs of the trust domains; DER certificates one after the other.
   */
  'bundles': ({[key: string]: Buffer});
}
