// Original file: proto/workloadapi.proto

import type { X509SVID as _X509SVID, X509SVID__Output as _X509SVID__Output } from './X509SVID.ts';

export interface X509SVIDResponse {
  'svids'?: (_X509SVID)[];
  /**
   * DER.
   */
  'crl'?: (Buffer | Uint8Array | string)[];
  /**
   * Of other trust domains, by their SPIFFE IDs; DER certificates one after the other.
   */
  'federated_bundles'?: ({[key: string]: Buffer | Uint8Array | string});
}

export interface X509SVIDResponse__Output {
  'svids': (_X509SVID__Output)[];
  /**
   * DER.
   */
  'crl': (Buffer)[];
  /**
   * Of other trust domains, by their SPIFFE IDs; DER certificates one after the other.
   */
  'federated_bundles': ({[key: string]: Buffer});
}
