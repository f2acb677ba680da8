import { resolveIssuerReference } from '../../api/issuer-reference.ts';
import type { IssuerReference } from '../../api/issuer-reference.ts';
import type { ObjectKey } from '../../kube/index.ts';

/** Which issuer, of both kinds. The key of queues and indexes is its text. */
export type IssuerKey =
  | { readonly kind: 'Issuer'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'ClusterIssuer'; readonly name: string };

/** The issuer that a request in `namespace` names; undefined when its kind is neither of ours. */
export function referencedIssuer(reference: IssuerReference, namespace: string): IssuerKey | undefined {
  const { kind, name } = resolveIssuerReference(reference);
  if (kind === 'Issuer') return { kind, namespace, name };
  return kind === 'ClusterIssuer' ? { kind, name } : undefined;
}

/** `Issuer/NAMESPACE/NAME` or `ClusterIssuer/NAME`. */
export function issuerKeyText(key: IssuerKey): string {
  return key.kind === 'Issuer' ? `Issuer/${key.namespace}/${key.name}` : `ClusterIssuer/${key.name}`;
}

export function parseIssuerKey(text: string): IssuerKey {
  const [kind, first = '', second = ''] = text.split('/');
  return kind === 'Issuer'
    ? { kind, namespace: first, name: second }
    : { kind: 'ClusterIssuer', name: first };
}

export function issuerObjectKey(key: IssuerKey): ObjectKey {
  return key.kind === 'Issuer' ? { namespace: key.namespace, name: key.name } : { name: key.name };
}
