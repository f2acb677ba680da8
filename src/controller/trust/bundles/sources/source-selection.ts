import type { BundleSource, SourceObject } from '../../../../api/bundle.ts';
import type { LabelSelector } from '../../../../api/core.ts';
import { selectorText, selectsLabels } from '../../../../api/label-selector.ts';
import type { KubeObject } from '../../../../kube/index.ts';

export type SourceKind = 'ConfigMap' | 'Secret';

/** Objects of the trust namespace that a Bundle has as a source. */
export interface SourceSelection {
  readonly kind: SourceKind;
  readonly by: { readonly name: string } | { readonly selector: LabelSelector };
}

/** Undefined for a source that is no object, and for one that the CRD would refuse. */
export function selectionOf(source: BundleSource): SourceSelection | undefined {
  const { configMap, secret } = source;
  if (configMap !== undefined) return selection('ConfigMap', configMap);
  return secret === undefined ? undefined : selection('Secret', secret);
}

export function selects({ by }: SourceSelection, { metadata }: KubeObject): boolean {
  return 'name' in by ? metadata.name === by.name : selectsLabels(by.selector, metadata.labels);
}

/** For messages, as in `secret "roots"`. */
export function selectionText({ kind, by }: SourceSelection): string {
  const what = kind === 'ConfigMap' ? 'configMap' : 'secret';
  return 'name' in by ? `${what} "${by.name}"` : `${what}s with ${selectorText(by.selector) || 'any labels'}`;
}

function selection(kind: SourceKind, { name, selector }: SourceObject): SourceSelection | undefined {
  if (name !== undefined && name !== '') return { kind, by: { name } };
  return selector === undefined ? undefined : { kind, by: { selector } };
}
