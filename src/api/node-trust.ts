import type { KubeObject, ResourceType } from '../kube/object.ts';
import { certmountGroup } from './groups.ts';

/**
 * Which anchor sets the volumes of one driver on one node have: what the controller counts before a new CA signs. Named
 * NODE.DRIVER, owned by the Node, and held by admission to the node of the driver's own credentials.
 */
export interface NodeTrust extends KubeObject {
  spec: NodeTrustSpec;
}

export interface NodeTrustSpec {
  nodeName: string;
  driverName: string;
  /** Those that some volume of the node trusts; one that is not named here has no volume on the node. */
  sets: AppliedAnchorSet[];
}

export interface AppliedAnchorSet {
  /** Name of the AnchorSet. */
  name: string;
  /** {@link anchorsHash} of what every volume has; of an earlier state while one volume still lacks the present one. */
  hash: string;
  volumes: number;
  /** Volumes that could not be given the present anchors so far. */
  behind: number;
}

/** Sets in one NodeTrust: an API object has its limits. */
export const mostAppliedSets = 1024;

export const nodeTrusts: ResourceType<NodeTrust> = {
  group: certmountGroup,
  version: 'v1alpha1',
  kind: 'NodeTrust',
  plural: 'nodetrusts',
  namespaced: false,
};
