import type { KubeObject, ObjectMeta } from '../kube/index.ts';

/** What nobody reads and may be larger than the rest. For caches. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Which object is written, in the version that was read: a server takes nothing else of metadata with a status. */
export function identityOf({ metadata }: KubeObject): KubeObject['metadata'] {
  return pickMetadata(metadata, 'name', 'namespace', 'resourceVersion');
}

/** These fields, as far as they are set. For caches. */
export function pickMetadata(metadata: ObjectMeta, ...fields: readonly (keyof ObjectMeta)[]): ObjectMeta {
  return Object.fromEntries(
    fields.filter((field) => metadata[field] !== undefined).map((field) => [field, metadata[field]]),
  );
}
