import type { CallOptions, KubeClient } from './client.ts';
import { isKubeError } from './errors.ts';

interface ApiResourceList {
  readonly resources: readonly { readonly name: string }[];
}

/**
 * The resources of one version of an API group by their plural names, as in "clustertrustbundles"; empty when the cluster
 * does not serve that version.
 */
export async function servedResources(
  client: Pick<KubeClient, 'request'>,
  { group, version }: { readonly group: string; readonly version: string },
  options?: CallOptions,
): Promise<ReadonlySet<string>> {
  try {
    const path = `/apis/${group}/${version}`;
    const { resources } = await client.request<ApiResourceList>({ method: 'GET', path }, options);
    return new Set(resources.map(({ name }) => name));
  } catch (error) {
    if (isKubeError(error, 'not-found')) return new Set();
    throw error;
  }
}
