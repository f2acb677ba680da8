import type { KubeObject, Resource } from '../kube/index.ts';

/** The object as it is now, if it is still the same one; read by a list, for which alone there is a right. */
export async function readListed<T extends KubeObject>(
  resource: Pick<Resource<T>, 'list'>,
  { metadata: { name = '', namespace, uid } }: T,
): Promise<T | undefined> {
  const { items } = await resource.list({ namespace, fieldSelector: `metadata.name=${name}` });
  return items.find(({ metadata }) => metadata.uid === uid);
}
