// Original file: proto/workloadapi.proto


export interface X509SVID {
  'spiffe_id'?: (string);
  /**
   * DER certificates one after the other: the leaf, then intermediates.
   */
  'x509_svid'?: (Buffer | Uint8Array | string);
  /**
   * PKCS#8, DER.
   */
  'x509_svid_key'?: (Buffer | Uint8Array | string);
  /**
   * The anchors of the identity's own trust domain; DER certificates one after the other.
   */
  'bundle'?: (Buffer | Uint8Array | string);
  /**
   * Tells identities apart where a workload has several.
   */
  'hint'?: (string);
}

export interface X509SVID__Output {
  'spiffe_id': (string);
  /**
   * DER certificates one after the other: the leaf, then intermediates.
   */
  'x509_svid': (Buffer);
  /**
   * PKCS#8, DER.
   */
  'x509_svid_key': (Buffer);
  /**
   * The anchors of the identity's own trust domain; DER certificates one after the other.
   */
  'bundle': (Buffer);
  /**
   * Tells identities apart where a workload has several.
   */
  'hint': (string);
}
