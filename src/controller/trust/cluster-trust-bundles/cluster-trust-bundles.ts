import { clusterTrustBundles, clusterTrustBundleVersions } from '../../../api/cluster-trust-bundle.ts';
import type { ClusterTrustBundle, ClusterTrustBundleVersion } from '../../../api/cluster-trust-bundle.ts';
import { certificatesGroup } from '../../../api/groups.ts';
import { isKubeError, servedResources } from '../../../kube/index.ts';
import type { KubeClient, Resource } from '../../../kube/index.ts';
import { TrustError } from '../trust-error.ts';
import { trustBundleText } from './trust-bundle-text.ts';
import type { PublishedBundle } from './trust-bundle-text.ts';

/** On every bundle from here: what does not have it is never touched. */
const ownerLabel = { 'app.kubernetes.io/managed-by': 'certmount' } as const;

/**
 * ClusterTrustBundles in the newest version that the cluster serves. One that is there already costs a read, a new or
 * changed one a read and a write.
 */
export class ClusterTrustBundles {
  readonly #client: KubeClient;
  /** Kept once it is known; a cluster that serves none may learn to. */
  #version: ClusterTrustBundleVersion | undefined;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** @returns 'not-served' when the cluster has no ClusterTrustBundles */
  async write(bundle: PublishedBundle): Promise<'written' | 'unchanged' | 'not-served'> {
    const wanted = wantedBundle(bundle);
    return (await this.#with((resource) => put(resource, wanted))) ?? 'not-served';
  }

  /** Nothing happens when there is none. */
  async delete(name: string): Promise<void> {
    await this.#with(async (resource) => {
      const present = await find(resource, name);
      if (!present || !isOurs(present)) return;
      await remove(resource, present);
    });
  }

  /** Undefined when the cluster serves no version; looked up anew when the known one is gone. */
  async #with<T>(work: (resource: Resource<ClusterTrustBundle>) => Promise<T>): Promise<T | undefined> {
    this.#version ??= await this.#servedVersion();
    if (this.#version === undefined) return undefined;
    try {
      return await work(this.#client.resource(clusterTrustBundles(this.#version)));
    } catch (error) {
      // Also what a server says to a version that it no longer has: the next call looks again.
      if (isKubeError(error, 'not-found')) this.#version = undefined;
      throw error;
    }
  }

  async #servedVersion(): Promise<ClusterTrustBundleVersion | undefined> {
    for (const version of clusterTrustBundleVersions) {
      const served = await servedResources(this.#client, { group: certificatesGroup, version });
      if (served.has(clusterTrustBundles(version).plural)) return version;
    }
    return undefined;
  }
}

function wantedBundle(bundle: PublishedBundle): ClusterTrustBundle {
  const { name, signerName, labels = {} } = bundle;
  return {
    metadata: { name, labels: { ...labels, ...ownerLabel } },
    spec: { ...(signerName !== undefined && { signerName }), trustBundle: trustBundleText(bundle) },
  };
}

async function put(
  resource: Resource<ClusterTrustBundle>,
  wanted: ClusterTrustBundle,
): Promise<'written' | 'unchanged'> {
  const present = await find(resource, wanted.metadata.name ?? '');
  if (!present) {
    await resource.create(wanted);
    return 'written';
  }
  if (!isOurs(present)) {
    const name = wanted.metadata.name ?? '';
    throw new TrustError('foreign', `clustertrustbundles "${name}" exists and is not certmount's`);
  }
  if (says(present, wanted)) return 'unchanged';
  if (present.spec.signerName !== wanted.spec.signerName) {
    // The API lets nobody change it.
    await remove(resource, present);
    await resource.create(wanted);
    return 'written';
  }
  const { name, resourceVersion } = present.metadata;
  await resource.replace({
    ...wanted,
    metadata: {
      ...wanted.metadata,
      ...(name !== undefined && { name }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  });
  return 'written';
}

async function find(
  resource: Resource<ClusterTrustBundle>,
  name: string,
): Promise<ClusterTrustBundle | undefined> {
  try {
    return await resource.get({ name });
  } catch (error) {
    if (isKubeError(error, 'not-found')) return undefined;
    throw error;
  }
}

async function remove(resource: Resource<ClusterTrustBundle>, present: ClusterTrustBundle): Promise<void> {
  const { name = '', uid } = present.metadata;
  try {
    await resource.delete({ name }, { uid });
  } catch (error) {
    if (!isKubeError(error, 'not-found', 'conflict')) throw error;
  }
}

function isOurs({ metadata }: ClusterTrustBundle): boolean {
  return Object.entries(ownerLabel).every(([key, value]) => metadata.labels?.[key] === value);
}

function says(present: ClusterTrustBundle, wanted: ClusterTrustBundle): boolean {
  const labels = Object.entries(wanted.metadata.labels ?? {});
  return (
    present.spec.signerName === wanted.spec.signerName &&
    present.spec.trustBundle === wanted.spec.trustBundle &&
    labels.every(([key, value]) => present.metadata.labels?.[key] === value)
  );
}
