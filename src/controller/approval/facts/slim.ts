import type { Namespace, Node, Pod, Service } from '../../../api/core.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { Interner } from './interner.ts';

/** What approval looks at of a pod. All that the pods of one owner have in common is kept once. */
export function slimPod({ metadata, spec, status }: Pod, interner: Interner): Pod {
  const { deletionTimestamp, labels } = metadata;
  const { hostname, nodeName, serviceAccountName, subdomain } = spec;
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
    },
    status: {
      ...(phase !== undefined && { phase: interner.text(phase) }),
      ...(status?.podIPs && { podIPs: status.podIPs.map(({ ip }) => ({ ip })) }),
    },
  };
}

export function slimService({ metadata, spec }: Service, interner: Interner): Service {
  const { selector, type } = spec;
  return {
    metadata: identity(metadata, interner),
    spec: { ...(type !== undefined && { type: interner.text(type) }), ...(selector && { selector }) },
  };
}

export function slimNode({ metadata }: Node, interner: Interner): Node {
  return { metadata: identity(metadata, interner), spec: {} };
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
