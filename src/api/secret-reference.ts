/** One entry of a Secret in the issuer's namespace; for a ClusterIssuer, in the cluster resource namespace. */
export interface SecretKeySelector {
  name: string;
  /** What it is when not set differs by field. */
  key?: string;
}

export interface LocalObjectReference {
  name: string;
}

/** A service account whose token is asked for by TokenRequest. */
export interface ServiceAccountReference {
  name: string;
  /** Audiences beside those that the field's use adds. */
  audiences?: string[];
}
