import type { Pod, Service } from '../../../api/core.ts';

/** What the cluster says of a pod and of what it stands on: never what a request says of itself. */
export interface Facts {
  /**
   * Undefined when there is no such pod; one that has ended may be left out. Of the addresses that its status says it has
   * only those that are its own: which its node cannot take from somebody else.
   */
  pod(namespace: string, name: string): Promise<Pod | undefined>;
  /** Undefined when there is no such node. */
  nodeUid(name: string): Promise<string | undefined>;
  services(namespace: string): Promise<readonly Service[]>;
}

/**
 * Facts at two prices. Those of the watches cost nothing, and may be behind by as long as an event takes, or be missing
 * while the first list is under way; so they are enough for a yes, and before a no the live ones are asked.
 */
export interface FactSources {
  readonly watched: Facts;
  /** A read of the API server each; throws KubeError. */
  readonly live: Facts;
}
