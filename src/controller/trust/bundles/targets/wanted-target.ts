import { createHash } from 'node:crypto';
import { bundleHashAnnotation, bundleLabel, bundles } from '../../../../api/bundle.ts';
import type { Bundle, TargetTemplate } from '../../../../api/bundle.ts';
import { apiVersionOf } from '../../../../kube/index.ts';
import type { OwnerReference } from '../../../../kube/index.ts';
import type { TargetContents } from './formats.ts';

export const targetKinds = ['ConfigMap', 'Secret'] as const;
export type TargetKind = (typeof targetKinds)[number];

/** The targets of one kind in all namespaces, which differ in nothing but the namespace. */
export interface WantedTarget {
  readonly kind: TargetKind;
  /** Of the Bundle too. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owner: OwnerReference;
  /** As the API has them. */
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData: Readonly<Record<string, string>>;
  /** Of every entry, for comparing. */
  readonly digests: ReadonlyMap<string, string>;
}

/** What the Bundle wants of a kind. */
export function wantedTarget(
  bundle: Bundle,
  kind: TargetKind,
  template: TargetTemplate,
  { pem, stores }: TargetContents,
): WantedTarget {
  const name = bundle.metadata.name ?? '';
  const binary = [...stores].map(([key, store]) => [key, store.toString('base64')] as const);
  // All entries of a Secret are base64, and lie in one map.
  const texts: Record<string, string> = {
    [template.key]: kind === 'ConfigMap' ? pem : Buffer.from(pem).toString('base64'),
    ...(kind === 'Secret' && Object.fromEntries(binary)),
  };
  const binaryData = kind === 'ConfigMap' ? Object.fromEntries(binary) : {};
  return {
    kind,
    name,
    labels: { ...template.metadata?.labels, [bundleLabel]: name },
    annotations: {
      ...template.metadata?.annotations,
      [bundleHashAnnotation]: targetHash(bundle, template, pem),
    },
    owner: ownerReference(bundle),
    data: texts,
    binaryData,
    digests: entryDigests(texts, binaryData),
  };
}

/** Of the values as the API has them. */
export function entryDigests(
  data: Readonly<Record<string, string>> = {},
  binaryData: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, string> {
  return new Map(
    [...Object.entries(data), ...Object.entries(binaryData)].map(([key, value]) => [
      key,
      createHash('sha256').update(value).digest('base64'),
    ]),
  );
}

/** trust-manager's own, so that what it wrote counts as written. */
function targetHash({ spec }: Bundle, { metadata = {} }: TargetTemplate, pem: string): string {
  const { jks, pkcs12 } = spec.target?.additionalFormats ?? {};
  const hash = createHash('sha256').update(pem);
  hash.update(jks?.password ?? '').update(pkcs12?.password ?? '');
  for (const map of [metadata.annotations, metadata.labels]) {
    for (const entry of Object.entries(map ?? {})
      .map((pair) => pair.join(''))
      .toSorted())
      hash.update(entry);
  }
  return hash.digest('hex');
}

function ownerReference({ metadata: { name = '', uid = '' } }: Bundle): OwnerReference {
  return {
    apiVersion: apiVersionOf(bundles),
    kind: bundles.kind,
    name,
    uid,
    controller: true,
    // As trust-manager has it.
    blockOwnerDeletion: true,
  };
}
