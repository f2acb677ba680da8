import type { KubeObject, ResourceType } from '../../../../src/kube/index.ts';

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

/** In namespace web, with a uid that stands for the name. */
export function configMap(name: string, resourceVersion?: string | number, uid = `uid-${name}`): ConfigMap {
  return {
    metadata: {
      namespace: 'web',
      name,
      uid,
      ...(resourceVersion !== undefined && { resourceVersion: String(resourceVersion) }),
    },
  };
}
