import type { KubeObject, ResourceType } from '../kube/object.ts';
import { certificatesGroup } from './groups.ts';

/** Trust anchors that every pod of the cluster may mount (`clusterTrustBundle` of a projected volume). */
export interface ClusterTrustBundle extends KubeObject {
  spec: {
    /** Never changes; writing one needs `attest` on the signer. */
    signerName?: string;
    /** PEM of at least one CA, none twice, without headers: {@link maxTrustBundleLength} at most. */
    trustBundle: string;
  };
}

/** Kubernetes' own limit, in bytes. */
export const maxTrustBundleLength = 1024 * 1024;

/** Alike in both versions: v1beta1 from Kubernetes 1.33 on, v1 from 1.37 on. */
export const clusterTrustBundleVersions = ['v1', 'v1beta1'] as const;
export type ClusterTrustBundleVersion = (typeof clusterTrustBundleVersions)[number];

export function clusterTrustBundles(version: ClusterTrustBundleVersion): ResourceType<ClusterTrustBundle> {
  return {
    group: certificatesGroup,
    version,
    kind: 'ClusterTrustBundle',
    plural: 'clustertrustbundles',
    namespaced: false,
  };
}

/** What the name of a signer's bundle begins with (KEP-3257). */
export function trustBundlePrefix(signerName: string): string {
  return `${signerName.replaceAll('/', ':')}:`;
}
