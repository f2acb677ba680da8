import { KubeClient, type KubeObject, type ResourceType, systemClock } from '../../../../src/kube/index.ts';
import type { ClusterUser, ControlPlane } from '../../../cluster/control-plane.ts';

export const deps = { clock: systemClock, random: Math.random };

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

export const configMaps: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

export const namespaces: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

export const serviceAccounts: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};

export async function clientOf(
  cluster: ControlPlane,
  user: ClusterUser = 'admin',
  server?: URL,
): Promise<KubeClient> {
  const connection = await cluster.connection(user);
  return new KubeClient(
    {
      connection: server === undefined ? connection : { ...connection, server },
      userAgent: 'certmount-test',
    },
    deps,
  );
}

/** Waits for what only time and another process bring about. */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`did not come to be: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function configMap(namespace: string, name: string, labels: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace, name, labels } };
}
