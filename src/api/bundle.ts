import type { KubeObject, ResourceType } from '../kube/object.ts';
import type { Condition } from './condition.ts';
import type { LabelSelector } from './core.ts';

/** API group of trust-manager, whose Bundles are served here too. */
export const trustGroup = 'trust.cert-manager.io';

/** Trust anchors from several sources, brought to wherever something is verified. */
export interface Bundle extends KubeObject {
  spec: BundleSpec;
  status?: BundleStatus;
}

export interface BundleSpec {
  sources: BundleSource[];
  /** Volumes can name the Bundle whatever its targets are. */
  target?: BundleTarget;
}

/** Exactly one of its fields is set. */
export interface BundleSource {
  configMap?: SourceObject;
  secret?: SourceObject;
  /** PEM. */
  inLine?: string;
  useDefaultCAs?: boolean;
  issuer?: SourceIssuer;
}

export interface SourceIssuer {
  name: string;
  kind: 'Issuer' | 'ClusterIssuer';
  /** Of an Issuer. */
  namespace?: string;
}

/** Entries of objects in the trust namespace: one by its name, or all that a selector finds. */
export interface SourceObject {
  name?: string;
  selector?: LabelSelector;
  key?: string;
  includeAllKeys?: boolean;
}

export interface BundleTarget {
  configMap?: TargetTemplate;
  secret?: TargetTemplate;
  additionalFormats?: AdditionalFormats;
  /** Every namespace when not set. */
  namespaceSelector?: LabelSelector;
  clusterTrustBundle?: ClusterTrustBundleTarget;
}

export interface TargetTemplate {
  key: string;
  metadata?: { annotations?: Record<string, string>; labels?: Record<string, string> };
}

export interface AdditionalFormats {
  jks?: { key: string; password?: string };
  pkcs12?: { key: string; password?: string; profile?: BundlePkcs12Profile };
}

export type BundlePkcs12Profile = 'LegacyRC2' | 'LegacyDES' | 'Modern2023';

export interface ClusterTrustBundleTarget {
  signerName?: string;
}

export interface BundleStatus {
  conditions?: Condition[];
  /** Which roots `useDefaultCAs` stood for. */
  defaultCAVersion?: string;
}

export const bundles: ResourceType<Bundle> = {
  group: trustGroup,
  version: 'v1alpha1',
  kind: 'Bundle',
  plural: 'bundles',
  namespaced: false,
};

/** On every target: the Bundle's name. */
export const bundleLabel = `${trustGroup}/bundle`;

/** On every target: what was written, so that a reader can tell two states apart. */
export const bundleHashAnnotation = `${trustGroup}/hash`;

/** On a Bundle: the SPIFFE trust domain whose SVIDs its anchors verify. */
export const trustDomainAnnotation = 'certmount.io/trust-domain';

/** On a Bundle: how soon a consumer that polls should look again, as in "5m". */
export const refreshHintAnnotation = 'certmount.io/refresh-hint';
