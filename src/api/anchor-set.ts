import { createHash } from 'node:crypto';
import type { KubeObject, ResourceType } from '../kube/object.ts';
import type { Condition } from './condition.ts';
import { certmountGroup } from './groups.ts';

/**
 * What verifiers are to trust, as the controller hands it to the drivers of all nodes: of one issuer (old and new roots
 * together while its CA changes) or of one Bundle. Written by the controller alone.
 */
export interface AnchorSet extends KubeObject {
  spec: AnchorSetSpec;
  status?: AnchorSetStatus;
}

export interface AnchorSetSpec {
  /** `ClusterIssuer/NAME`, `Issuer/NAMESPACE/NAME` or `Bundle/NAME`. */
  source: string;
  /** PEM, in a stable order; empty when nothing is to be trusted. */
  anchors: string;
  /** One higher at each change of the anchors: `spiffe_sequence` of the SPIFFE bundle. */
  sequence: number;
  /** SPIFFE trust domain whose SVIDs these anchors verify. */
  trustDomain?: string;
  /** How soon a consumer that polls should look again: `spiffe_refresh_hint`. */
  refreshHintSeconds?: number;
  /** Certificates of this issuer from before this time (RFC 3339) are to be renewed at once. */
  reissueBefore?: string;
  /** Over how long the renewals of {@link reissueBefore} are spread. */
  reissueSeconds?: number;
}

export interface AnchorSetStatus {
  conditions?: Condition[];
  coverage?: {
    /** Nodes with volumes that trust this set. */
    nodes: number;
    /** Those of them whose volumes all have it. */
    covered: number;
    /** Names of the first ten of the others. */
    missing?: string[];
  };
}

export const anchorSets: ResourceType<AnchorSet> = {
  group: certmountGroup,
  version: 'v1alpha1',
  kind: 'AnchorSet',
  plural: 'anchorsets',
  namespaced: false,
};

/** Of whom an anchor set is. */
export type AnchorSource =
  | { readonly kind: 'Bundle'; readonly name: string }
  | { readonly kind: 'ClusterIssuer'; readonly name: string }
  | { readonly kind: 'Issuer'; readonly namespace: string; readonly name: string };

/** The spec's source, which tells sets apart: `ClusterIssuer/NAME`, `Issuer/NAMESPACE/NAME` or `Bundle/NAME`. */
export function anchorSourceText(source: AnchorSource): string {
  return source.kind === 'Issuer'
    ? `Issuer/${source.namespace}/${source.name}`
    : `${source.kind}/${source.name}`;
}

/** The reverse of {@link anchorSourceText}; undefined for what is none. */
export function parseAnchorSource(text: string): AnchorSource | undefined {
  const [kind, first = '', second = '', ...rest] = text.split('/');
  if (first === '' || rest.length > 0) return undefined;
  if (kind === 'Issuer') return second === '' ? undefined : { kind, namespace: first, name: second };
  if (second !== '' || (kind !== 'Bundle' && kind !== 'ClusterIssuer')) return undefined;
  return { kind, name: first };
}

/** The object's name, as in `clusterissuer.NAME`; one that would be too long ends in a digest. */
export function anchorSetName(source: AnchorSource): string {
  const name = anchorSourceText(source).replaceAll('/', '.').toLowerCase();
  if (name.length <= longestName) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, longestName - digest.length - 1).replace(/[.-]+$/, '')}.${digest}`;
}

/** Tells two states of a set's anchors apart: 16 hexadecimal digits. */
export function anchorsHash(pem: string): string {
  return createHash('sha256').update(pem).digest('hex').slice(0, 16);
}

/** Kubernetes' limit for object names (RFC 1123 subdomain). */
const longestName = 253;
