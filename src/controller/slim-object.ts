import type { KubeObject } from '../kube/index.ts';

/** What nobody reads and may be larger than the rest. For caches. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Which object is written, in the version that was read: a server takes nothing else of metadata with a status. */
export function identityOf({ metadata }: KubeObject): KubeObject['metadata'] {
  const { name, namespace, resourceVersion } = metadata;
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}
