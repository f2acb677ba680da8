import type { KubeObject, ListQuery, Resource } from '../../kube/index.ts';

/** Objects a page: half a megabyte of CertificateRequests. */
const pageSize = 250;

/** Every object, page by page: what is not kept is free again before the next page comes. */
export async function* listPages<T extends KubeObject>(
  resource: Pick<Resource<T>, 'list'>,
  query: Omit<ListQuery, 'limit' | 'continue'>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  let from: string | undefined;
  do {
    const page = await resource.list({ ...query, limit: pageSize, continue: from }, { signal });
    yield* page.items;
    from = page.metadata.continue;
  } while (from !== undefined && from !== '');
}
