import type { KubeObject, ObjectMeta } from '../kube/index.ts';

/** What nobody reads and may be larger than the rest. For caches. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/**
 * Which object is written, in the version that was read: a server takes nothing else of metadata with a status. Of a
 * CertificateSigningRequest it does, and what is not sent is gone.
 */
export function identityOf({ metadata }: KubeObject): KubeObject['metadata'] {
  return pickMetadata(metadata, 'name', 'namespace', 'resourceVersion');
}

/** What a status is written with: the server takes nothing else of the object from it, so that nothing else is sent. */
export function statusOf<T extends KubeObject & { readonly status?: S | undefined }, S>(
  object: T,
  status: S,
): T {
  return { metadata: identityOf(object), status } as T;
}

/** These fields, as far as they are set. For caches. */
export function pickMetadata(metadata: ObjectMeta, ...fields: readonly (keyof ObjectMeta)[]): ObjectMeta {
  return Object.fromEntries(
    fields.filter((field) => metadata[field] !== undefined).map((field) => [field, metadata[field]]),
  );
}
