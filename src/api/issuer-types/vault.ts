import type { SecretKeySelector, ServiceAccountReference } from '../secret-reference.ts';

/** HashiCorp Vault or OpenBao, secrets engine pki. */
export interface VaultIssuer {
  auth: VaultAuth;
  /** As in "https://vault.example.com:8200". */
  server: string;
  /** Name for TLS when it is not the host of `server`. */
  serverName?: string;
  /** Of the sign endpoint, as in "pki/sign/role". */
  path: string;
  /** Vault's own namespace (enterprise), as in "ns1/ns2". */
  namespace?: string;
  /** Base64 of PEM. Not together with caBundleSecretRef; the system's roots when neither is set. */
  caBundle?: string;
  /** The key is ca.crt when not set. */
  caBundleSecretRef?: SecretKeySelector;
  /** For mTLS to Vault, with clientKeySecretRef. The key is tls.crt when not set. */
  clientCertSecretRef?: SecretKeySelector;
  /** The key is tls.key when not set. */
  clientKeySecretRef?: SecretKeySelector;
}

/** One of these; of several, the first in the order here that is set. */
export interface VaultAuth {
  /** The key is "token" when not set. */
  tokenSecretRef?: SecretKeySelector;
  appRole?: VaultAppRole;
  clientCertificate?: VaultClientCertificateAuth;
  kubernetes?: VaultKubernetesAuth;
  aws?: VaultAwsAuth;
}

export interface VaultAppRole {
  /** Mount path of the auth backend, as in "approle". */
  path: string;
  roleId: string;
  secretRef: SecretKeySelector;
}

export interface VaultClientCertificateAuth {
  /** "/v1/auth/cert" when not set. */
  mountPath?: string;
  /** A kubernetes.io/tls Secret. */
  secretName?: string;
  /** Role to log in with; Vault tries all when not set. */
  name?: string;
}

/** One of secretRef and serviceAccountRef. */
export interface VaultKubernetesAuth {
  /** "/v1/auth/kubernetes" when not set. */
  mountPath?: string;
  role: string;
  /** A Secret with a long-lived token; the key is "token" when not set. */
  secretRef?: SecretKeySelector;
  serviceAccountRef?: ServiceAccountReference;
}

export interface VaultAwsAuth {
  /** "/v1/auth/aws" when not set. */
  mountPath?: string;
  role: string;
  region?: string;
  /** For IAM roles of service accounts, with iamRoleArn. */
  serviceAccountRef?: ServiceAccountReference;
  iamRoleArn?: string;
  /** Value for the header X-Vault-AWS-IAM-Server-ID, which Vault may demand. */
  vaultHeaderValue?: string;
}
