import type { KubeObject, ResourceType } from '../kube/object.ts';
import type { Condition } from './condition.ts';
import type { UsageName } from './usages.ts';

export const policyGroup = 'policy.cert-manager.io';

/** Which certificates may be had by those who may `use` the policy; as approver-policy's users know it. */
export interface CertificateRequestPolicy extends KubeObject {
  spec: CertificateRequestPolicySpec;
  status?: CertificateRequestPolicyStatus;
}

export interface CertificateRequestPolicySpec {
  /** Which requests the policy is about: all parts of it have to match. */
  selector: PolicySelector;
  /** What is left out here must be left out of the request. */
  allowed?: AllowedAttributes;
  /** What is left out here is free. */
  constraints?: PolicyConstraints;
  /** None exists here: a policy that names one is not ready. */
  plugins?: Record<string, { values?: Record<string, string> }>;
  /** Only here, not in approver-policy: rules about the request as a whole, which is their `self`. */
  validations?: PolicyValidation[];
}

export interface PolicySelector {
  issuerRef?: { name?: string; kind?: string; group?: string };
  namespace?: { matchNames?: string[]; matchLabels?: Record<string, string> };
}

export interface AllowedAttributes {
  commonName?: AllowedText;
  dnsNames?: AllowedTexts;
  ipAddresses?: AllowedTexts;
  uris?: AllowedTexts;
  emailAddresses?: AllowedTexts;
  /** Understood, but no request with such names gets as far: they are refused with the CSR. */
  otherNames?: AllowedByOid[];
  isCA?: boolean;
  usages?: UsageName[];
  subject?: AllowedSubject;
}

export interface AllowedSubject {
  organizations?: AllowedTexts;
  countries?: AllowedTexts;
  organizationalUnits?: AllowedTexts;
  localities?: AllowedTexts;
  provinces?: AllowedTexts;
  streetAddresses?: AllowedTexts;
  postalCodes?: AllowedTexts;
  serialNumber?: AllowedText;
  /** Attributes that have no field of their own. */
  otherAttributes?: AllowedByOid[];
}

export interface AllowedText {
  required?: boolean;
  /** With "*" for any characters. */
  value?: string;
  validations?: PolicyValidation[];
}

export interface AllowedTexts {
  required?: boolean;
  /** With "*" for any characters. */
  values?: string[];
  validations?: PolicyValidation[];
}

export interface AllowedByOid extends AllowedTexts {
  oid: string;
}

export interface PolicyValidation {
  /** CEL. */
  rule: string;
  message?: string;
}

export interface PolicyConstraints {
  minDuration?: string;
  maxDuration?: string;
  privateKey?: { algorithm?: 'RSA' | 'ECDSA' | 'Ed25519'; minSize?: number; maxSize?: number };
}

export interface CertificateRequestPolicyStatus {
  conditions?: Condition[];
}

export const certificateRequestPolicies: ResourceType<CertificateRequestPolicy> = {
  group: policyGroup,
  version: 'v1alpha1',
  kind: 'CertificateRequestPolicy',
  plural: 'certificaterequestpolicies',
  namespaced: false,
};
