import type { SecretKeySelector, ServiceAccountReference } from '../secret-reference.ts';

/** Proves a name by a TXT record. Exactly one provider. */
export interface Dns01Solver {
  /** Whether the record is written where _acme-challenge points by CNAME. */
  cnameStrategy?: 'None' | 'Follow';
  /** Recursive servers for the self-check in place of the controller's, each HOST:PORT or https://… */
  nameservers?: string[];
  acmeDNS?: AcmeDnsProvider;
  akamai?: AkamaiProvider;
  azureDNS?: AzureDnsProvider;
  cloudDNS?: CloudDnsProvider;
  cloudflare?: CloudflareProvider;
  digitalocean?: DigitalOceanProvider;
  rfc2136?: Rfc2136Provider;
  route53?: Route53Provider;
  webhook?: WebhookProvider;
}

export interface AcmeDnsProvider {
  host: string;
  /** JSON: accounts by domain. */
  accountSecretRef: SecretKeySelector;
}

export interface AkamaiProvider {
  serviceConsumerDomain: string;
  clientTokenSecretRef: SecretKeySelector;
  clientSecretSecretRef: SecretKeySelector;
  accessTokenSecretRef: SecretKeySelector;
}

/** A service principal (clientID, clientSecretSecretRef, tenantID), a managed identity, or the environment's. */
export interface AzureDnsProvider {
  clientID?: string;
  clientSecretSecretRef?: SecretKeySelector;
  tenantID?: string;
  subscriptionID: string;
  resourceGroupName: string;
  hostedZoneName?: string;
  environment?: 'AzurePublicCloud' | 'AzureChinaCloud' | 'AzureGermanCloud' | 'AzureUSGovernmentCloud';
  zoneType?: 'AzurePublicZone' | 'AzurePrivateZone';
  managedIdentity?: AzureManagedIdentity;
}

/** clientID or resourceID, not both; tenantID only with clientID. */
export interface AzureManagedIdentity {
  clientID?: string;
  resourceID?: string;
  tenantID?: string;
}

/** Google Cloud DNS; the environment's credentials without a serviceAccountSecretRef. */
export interface CloudDnsProvider {
  project: string;
  hostedZoneName?: string;
  serviceAccountSecretRef?: SecretKeySelector;
}

/** A token, or a key with its email. */
export interface CloudflareProvider {
  email?: string;
  apiKeySecretRef?: SecretKeySelector;
  apiTokenSecretRef?: SecretKeySelector;
}

export interface DigitalOceanProvider {
  tokenSecretRef: SecretKeySelector;
}

/** DNS UPDATE (RFC 2136), signed by TSIG when a key is given. */
export interface Rfc2136Provider {
  /** HOST or HOST:PORT. */
  nameserver: string;
  /** UDP when not set. */
  protocol?: 'TCP' | 'UDP';
  tsigKeyName?: string;
  /** HMACMD5 (when not set), HMACSHA1, HMACSHA256 or HMACSHA512. */
  tsigAlgorithm?: string;
  tsigSecretSecretRef?: SecretKeySelector;
}

/** AWS; the environment's credentials without any here. */
export interface Route53Provider {
  region?: string;
  hostedZoneID?: string;
  /** A role to assume. */
  role?: string;
  auth?: { kubernetes: { serviceAccountRef: ServiceAccountReference } };
  accessKeyID?: string;
  accessKeyIDSecretRef?: SecretKeySelector;
  secretAccessKeySecretRef?: SecretKeySelector;
}

/** A provider behind an aggregated API of this group. */
export interface WebhookProvider {
  groupName: string;
  solverName: string;
  /** Any JSON: passed on as it is. */
  config?: unknown;
}
