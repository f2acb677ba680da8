import type { KubeObject, ResourceType } from '../kube/object.ts';
import type { Condition } from './condition.ts';
import { certManagerGroup } from './issuer-reference.ts';
import type { AcmeIssuer, AcmeIssuerStatus } from './issuer-types/acme.ts';
import type { VaultIssuer } from './issuer-types/vault.ts';
import type { VenafiIssuer } from './issuer-types/venafi.ts';

/** Signs for its own namespace. */
export interface Issuer extends KubeObject {
  spec: IssuerSpec;
  status?: IssuerStatus;
}

/** Signs for every namespace; its Secrets are in the cluster resource namespace. */
export interface ClusterIssuer extends KubeObject {
  spec: IssuerSpec;
  status?: IssuerStatus;
}

/** Exactly one of its fields is set. */
export interface IssuerSpec {
  acme?: AcmeIssuer;
  ca?: CaIssuer;
  selfSigned?: SelfSignedIssuer;
  vault?: VaultIssuer;
  venafi?: VenafiIssuer;
}

export type IssuerType = keyof IssuerSpec;

export interface CaIssuer {
  /** A Secret with tls.crt and tls.key, and for a chain ca.crt. */
  secretName: string;
  crlDistributionPoints?: string[];
  ocspServers?: string[];
  issuingCertificateURLs?: string[];
}

/** Signs a request with the private key that the request itself names. */
export interface SelfSignedIssuer {
  crlDistributionPoints?: string[];
}

export interface IssuerStatus {
  conditions?: Condition[];
  acme?: AcmeIssuerStatus;
}

export const issuers: ResourceType<Issuer> = {
  group: certManagerGroup,
  version: 'v1',
  kind: 'Issuer',
  plural: 'issuers',
  namespaced: true,
};

export const clusterIssuers: ResourceType<ClusterIssuer> = {
  group: certManagerGroup,
  version: 'v1',
  kind: 'ClusterIssuer',
  plural: 'clusterissuers',
  namespaced: false,
};

export const issuerTypes: readonly IssuerType[] = ['acme', 'ca', 'selfSigned', 'vault', 'venafi'];
