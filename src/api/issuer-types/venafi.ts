import type { LocalObjectReference, SecretKeySelector } from '../secret-reference.ts';

/** CyberArk Certificate Manager, before that Venafi. Exactly one of tpp, cloud and ngts. */
export interface VenafiIssuer {
  /** The policy folder, or "application\\template" of the service. */
  zone: string;
  tpp?: VenafiTpp;
  cloud?: VenafiCloud;
  ngts?: VenafiNgts;
}

/** Certificate Manager, Self-Hosted. */
export interface VenafiTpp {
  url: string;
  /** A Secret with access-token, or username and password. */
  credentialsRef: LocalObjectReference;
  /** Base64 of PEM. Not together with caBundleSecretRef. */
  caBundle?: string;
  caBundleSecretRef?: SecretKeySelector;
}

/** Certificate Manager, SaaS. */
export interface VenafiCloud {
  url?: string;
  apiTokenSecretRef: SecretKeySelector;
}

/** Next-generation trust security. */
export interface VenafiNgts {
  url?: string;
  tokenEndpoint?: string;
  tsgID: string;
  /** A Secret with client-id and client-secret. */
  credentialsRef: LocalObjectReference;
}
