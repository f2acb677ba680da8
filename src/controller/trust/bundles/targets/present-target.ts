import { bundleLabel, bundles, trustGroup } from '../../../../api/bundle.ts';
import type { ConfigMap, Secret } from '../../../../api/core.ts';
import type { ObjectMeta, OwnerReference } from '../../../../kube/index.ts';
import { pickMetadata } from '../../../slim-object.ts';
import { entryDigests } from './wanted-target.ts';
import type { WantedTarget } from './wanted-target.ts';

/** How writes are signed in managedFields. */
export const fieldManager = 'certmount-bundles';

/** Whose labels and annotations are taken away when they are no longer wanted: also those of the Bundles' former controller. */
const formerManagers: readonly string[] = [fieldManager, 'trust-manager'];

/** Of a ConfigMap or Secret what tells whether it is as it should be; the entries' values are digests. */
export function slimTarget<T extends ConfigMap | Secret>(object: T): T {
  const binaryData = 'binaryData' in object ? object.binaryData : undefined;
  const metadata: ObjectMeta = {
    ...pickMetadata(
      object.metadata,
      ...([
        'name',
        'namespace',
        'uid',
        'resourceVersion',
        'labels',
        'annotations',
        'ownerReferences',
      ] as const),
    ),
    managedFields: (object.metadata.managedFields ?? []).filter(isFormer),
  };
  const text = Object.fromEntries(entryDigests(object.data));
  const binary = Object.fromEntries(entryDigests({}, binaryData));
  return { metadata, data: text, binaryData: binary } as unknown as T;
}

/** Whether it may be written: it says so itself. */
export function isTargetOf(bundle: string, { metadata }: ConfigMap | Secret): boolean {
  return metadata.name === bundle && metadata.labels?.[bundleLabel] === bundle;
}

/** Whether it may be deleted: a label alone may have been copied together with the rest. */
export function isOwnedBy(bundle: string, object: ConfigMap | Secret): boolean {
  return (
    isTargetOf(bundle, object) &&
    (object.metadata.ownerReferences ?? []).some((owner) => isBundleReference(owner) && owner.name === bundle)
  );
}

/**
 * A merge patch that makes a slim target what it should be; undefined when it is. Labels and annotations of others stay, an
 * entry of others does not.
 */
export function targetPatch(present: ConfigMap | Secret, wanted: WantedTarget): object | undefined {
  const { metadata } = present;
  const owners = metadata.ownerReferences ?? [];
  const labels = changes(metadata.labels, wanted.labels, managedKeys(metadata, 'f:labels'));
  const annotations = changes(
    metadata.annotations,
    wanted.annotations,
    managedKeys(metadata, 'f:annotations'),
  );
  const data = entryChanges(present.data, wanted.data, wanted.digests);
  const binaryPresent = 'binaryData' in present ? present.binaryData : undefined;
  const binaryData = entryChanges(binaryPresent, wanted.binaryData, wanted.digests);
  const isOwned = owners.some((owner) => isSameOwner(owner, wanted.owner));
  if (isOwned && !labels && !annotations && !data && !binaryData) return undefined;
  return {
    metadata: {
      // Another's write between makes a conflict.
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(!isOwned && {
        ownerReferences: [...owners.filter((owner) => !isBundleReference(owner)), wanted.owner],
      }),
    },
    ...(data && { data }),
    ...(binaryData && { binaryData }),
  };
}

function isBundleReference({ apiVersion, kind }: OwnerReference): boolean {
  return kind === bundles.kind && apiVersion.startsWith(`${trustGroup}/`);
}

function isSameOwner(one: OwnerReference, other: OwnerReference): boolean {
  return (['uid', 'controller', 'blockOwnerDeletion'] as const).every((field) => one[field] === other[field]);
}

type Changes = Record<string, string | null>;

function changes(
  present: Readonly<Record<string, string>> = {},
  wanted: Readonly<Record<string, string>>,
  managed: ReadonlySet<string>,
): Changes | undefined {
  const changed: Changes = {};
  for (const [key, value] of Object.entries(wanted)) if (present[key] !== value) changed[key] = value;
  for (const key of Object.keys(present)) if (managed.has(key) && !(key in wanted)) changed[key] = null;
  return Object.keys(changed).length === 0 ? undefined : changed;
}

function entryChanges(
  present: Readonly<Record<string, string>> = {},
  wanted: Readonly<Record<string, string>>,
  digests: ReadonlyMap<string, string>,
): Changes | undefined {
  const changed: Changes = {};
  for (const [key, value] of Object.entries(wanted))
    if (present[key] !== digests.get(key)) changed[key] = value;
  for (const key of Object.keys(present)) if (!(key in wanted)) changed[key] = null;
  return Object.keys(changed).length === 0 ? undefined : changed;
}

interface ManagedFields {
  readonly manager?: string;
  readonly fieldsV1?: { readonly 'f:metadata'?: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

function isFormer(entry: unknown): boolean {
  const { manager } = entry as ManagedFields;
  return manager !== undefined && formerManagers.includes(manager);
}

/** Labels or annotations that were written from here. */
function managedKeys(
  { managedFields = [] }: ObjectMeta,
  map: 'f:labels' | 'f:annotations',
): ReadonlySet<string> {
  const keys = (managedFields as ManagedFields[])
    .filter(isFormer)
    .flatMap(({ fieldsV1 }) => Object.keys(fieldsV1?.['f:metadata']?.[map] ?? {}));
  return new Set(keys.map((key) => key.replace(/^f:/, '')));
}
