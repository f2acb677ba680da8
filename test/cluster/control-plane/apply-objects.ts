import { KubeClient } from '../../../src/kube/client.ts';
import { systemClock } from '../../../src/kube/clock.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { isKubeError } from '../../../src/kube/errors.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { waitUntil } from '../process/managed-process.ts';

export type Manifest = KubeObject & { readonly apiVersion: string; readonly kind: string };

interface ServedResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/**
 * What `kubectl apply --server-side --force-conflicts` does, in the order given, a definition before objects of its kind.
 * kubectl itself asks a new API server to describe all of its API, which takes both of them a second.
 *
 * @throws KubeError with what the server says of the first object that it refuses
 */
export async function applyObjects(connection: Connection, objects: readonly Manifest[]): Promise<void> {
  const client = new KubeClient(
    { connection, userAgent: 'certmount-test', maxSockets: 1 },
    { clock: systemClock, random: Math.random },
  );
  try {
    await applyWith(client, objects);
  } finally {
    client.close();
  }
}

async function applyWith(client: KubeClient, objects: readonly Manifest[]): Promise<void> {
  const served = new Map<string, readonly ServedResource[]>();
  // A definition is served a moment after it was created.
  const timeoutMs = objects.some(({ kind }) => kind === 'CustomResourceDefinition') ? 10_000 : 0;
  for (const object of objects) {
    const collection = await collectionOf(client, object, served, timeoutMs);
    await client.request({
      method: 'PATCH',
      path: `${collection}/${object.metadata.name ?? ''}`,
      query: { fieldManager: 'kubectl', force: true, fieldValidation: 'Strict' },
      body: object,
      contentType: 'application/apply-patch+yaml',
      repeatable: 'always',
    });
  }
}

async function collectionOf(
  client: KubeClient,
  { apiVersion, kind, metadata: { namespace = 'default' } }: Manifest,
  served: Map<string, readonly ServedResource[]>,
  timeoutMs: number,
): Promise<string> {
  const api = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  let found: ServedResource | undefined;
  const find = async (): Promise<boolean> => {
    // The first of a kind are resources, then come their subresources.
    found = served.get(api)?.find((one) => one.kind === kind);
    if (found) return true;
    served.set(api, await resourcesOf(client, api));
    found = served.get(api)?.find((one) => one.kind === kind);
    return found !== undefined;
  };
  await waitUntil(find, { what: `no matches for kind "${kind}" in version "${apiVersion}"`, timeoutMs });
  const { name, namespaced } = found as ServedResource;
  return namespaced ? `${api}/namespaces/${namespace}/${name}` : `${api}/${name}`;
}

async function resourcesOf(client: KubeClient, api: string): Promise<readonly ServedResource[]> {
  try {
    const { resources } = await client.request<{ resources: ServedResource[] }>({ method: 'GET', path: api });
    return resources;
  } catch (error) {
    if (isKubeError(error, 'not-found')) return [];
    throw error;
  }
}
