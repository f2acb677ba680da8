import type { KubeObject, ResourceType } from './object.ts';

/** coordination.k8s.io/v1 */
export interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

export interface LeaseSpec {
  /** '' when it was released. */
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  /** With microseconds: 2026-01-01T00:00:00.000000Z. */
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export const leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** meta/v1 MicroTime, which the API server only takes with exactly six decimals. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
