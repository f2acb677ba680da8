import type { KubeObject, ResourceType } from '../kube/object.ts';

// Of the core API only what is used here; objects may hold more.

export interface Pod extends KubeObject {
  spec: {
    nodeName?: string;
    serviceAccountName?: string;
    /** The deprecated name of the same. */
    serviceAccount?: string;
    hostname?: string;
    subdomain?: string;
    /** The pod has the addresses of its node. */
    hostNetwork?: boolean;
    os?: { name: string };
    nodeSelector?: Record<string, string>;
    securityContext?: PodSecurityContext;
    volumes?: PodVolume[];
    containers?: Container[];
    initContainers?: Container[];
    ephemeralContainers?: Container[];
  };
  status?: {
    phase?: string;
    podIP?: string;
    podIPs?: { ip: string }[];
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface Container {
  name: string;
  volumeMounts?: { name: string; mountPath: string; subPath?: string; subPathExpr?: string }[];
  securityContext?: { runAsGroup?: number };
}

export interface ContainerStatus {
  name: string;
  state?: ContainerState;
  lastState?: ContainerState;
}

/** None of them while it waits. */
export interface ContainerState {
  running?: { startedAt?: string };
  terminated?: { finishedAt?: string };
}

export interface PodVolume {
  name: string;
  projected?: { sources?: { podCertificate?: PodCertificateProjection }[] };
  csi?: {
    driver: string;
    readOnly?: boolean;
    fsType?: string;
    nodePublishSecretRef?: { name: string };
    volumeAttributes?: Record<string, string>;
  };
}

/** Asks the kubelet for a certificate (KEP-4317). */
export interface PodCertificateProjection {
  signerName: string;
  /** As in "ECDSAP256". */
  keyType: string;
  maxExpirationSeconds?: number;
  userAnnotations?: Record<string, string>;
}

export interface Secret extends KubeObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

export interface Node extends KubeObject {
  spec: { taints?: Taint[] };
  status?: { addresses?: { type: string; address: string }[] };
}

export interface Taint {
  key: string;
  value?: string;
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /** RFC 3339. */
  timeAdded?: string;
}

export interface Namespace extends KubeObject {
  status?: { phase?: string };
}

export interface Service extends KubeObject {
  spec: {
    type?: string;
    /** None or an empty one: its endpoints are somebody else's to write. */
    selector?: Record<string, string>;
    /** `None` for a headless one. */
    clusterIP?: string;
    clusterIPs?: string[];
    externalIPs?: string[];
  };
  status?: { loadBalancer?: { ingress?: { ip?: string }[] } };
}

/** Something that happened, of events.k8s.io/v1. */
export interface Event extends KubeObject {
  /** RFC 3339 with microseconds; null in those of the older API, such as the kubelet's. */
  eventTime: string | null;
  /** The program, as in "certmount.io/driver". */
  reportingController: string;
  reportingInstance: string;
  /** What was tried, in one CamelCase word. */
  action: string;
  reason: string;
  note?: string;
  type: 'Normal' | 'Warning';
  regarding?: ObjectReference;
  related?: ObjectReference;
  series?: { count: number; lastObservedTime: string };
  /** Of the older API. */
  deprecatedCount?: number;
  deprecatedLastTimestamp?: string | null;
}

export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  fieldPath?: string;
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

export interface ResourceRequirements {
  limits?: Record<string, number | string>;
  requests?: Record<string, number | string>;
}

export interface PodSecurityContext {
  fsGroup?: number;
  fsGroupChangePolicy?: string;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seLinuxOptions?: { level?: string; role?: string; type?: string; user?: string };
  seccompProfile?: { type: string; localhostProfile?: string };
  supplementalGroups?: number[];
  sysctls?: { name: string; value: string }[];
}

export interface Affinity {
  nodeAffinity?: {
    preferredDuringSchedulingIgnoredDuringExecution?: { weight: number; preference: NodeSelectorTerm }[];
    requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: NodeSelectorTerm[] };
  };
  podAffinity?: PodAffinity;
  podAntiAffinity?: PodAffinity;
}

export interface PodAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: { weight: number; podAffinityTerm: PodAffinityTerm }[];
  requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[];
}

export interface PodAffinityTerm {
  topologyKey: string;
  labelSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  namespaces?: string[];
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
}

export interface NodeSelectorTerm {
  matchExpressions?: SelectorRequirement[];
  matchFields?: SelectorRequirement[];
}

export interface LabelSelector {
  matchExpressions?: SelectorRequirement[];
  matchLabels?: Record<string, string>;
}

export interface SelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}

export const pods: ResourceType<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
};

export const services: ResourceType<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
};

export const secrets: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};

export const configMaps: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

export const namespaces: ResourceType<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

export const nodes: ResourceType<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
};

export const events: ResourceType<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};
