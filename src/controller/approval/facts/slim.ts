import type { Namespace, Node, Pod, Service } from '../../../api/core.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { Interner } from './interner.ts';

/** What approval looks at of a pod. All that the pods of one owner have in common is kept once. */
export function slimPod({ metadata, spec, status }: Pod, interner: Interner): Pod {
  const { deletionTimestamp, labels } = metadata;
  const { hostNetwork, hostname, nodeName, serviceAccountName, subdomain } = spec;
  const phase = status?.phase;
  return {
    metadata: {
      ...identity(metadata, interner),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(labels && { labels: interner.labels(labels) }),
    },
    spec: {
      ...(nodeName !== undefined && { nodeName: interner.text(nodeName) }),
      ...(serviceAccountName !== undefined && { serviceAccountName: interner.text(serviceAccountName) }),
      ...(hostname !== undefined && { hostname }),
      ...(subdomain !== undefined && { subdomain: interner.text(subdomain) }),
      ...(hostNetwork === true && { hostNetwork }),
    },
    status: {
      ...(phase !== undefined && { phase: interner.text(phase) }),
      ...(status?.podIPs && { podIPs: status.podIPs.map(({ ip }) => ({ ip })) }),
    },
  };
}

export function slimService({ metadata, spec, status }: Service, interner: Interner): Service {
  const { clusterIP, clusterIPs, externalIPs, selector, type } = spec;
  const ingress = status?.loadBalancer?.ingress?.flatMap(({ ip }) => (ip === undefined ? [] : { ip })) ?? [];
  return {
    metadata: identity(metadata, interner),
    spec: {
      ...(type !== undefined && { type: interner.text(type) }),
      ...(selector && { selector }),
      ...(clusterIP !== undefined && { clusterIP }),
      ...(clusterIPs && { clusterIPs }),
      ...(externalIPs && { externalIPs }),
    },
    ...(ingress.length > 0 && { status: { loadBalancer: { ingress } } }),
  };
}

export function slimNode({ metadata, status }: Node, interner: Interner): Node {
  const { addresses } = status ?? {};
  return {
    metadata: identity(metadata, interner),
    spec: {},
    ...(addresses && {
      status: { addresses: addresses.map(({ address, type }) => ({ type: interner.text(type), address })) },
    }),
  };
}

export function slimNamespace({ metadata }: Namespace, interner: Interner): Namespace {
  const { labels } = metadata;
  return { metadata: { ...identity(metadata, interner), ...(labels && { labels }) } };
}

function identity(metadata: KubeObject['metadata'], interner: Interner): KubeObject['metadata'] {
  const { name, namespace, resourceVersion, uid } = metadata;
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace: interner.text(namespace) }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}
