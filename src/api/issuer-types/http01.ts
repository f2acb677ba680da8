import type { Affinity, PodSecurityContext, ResourceRequirements, Toleration } from '../core.ts';

/** Proves a name by a file at /.well-known/acme-challenge. Exactly one of ingress and gatewayHTTPRoute. */
export interface Http01Solver {
  ingress?: Http01Ingress;
  gatewayHTTPRoute?: Http01GatewayHttpRoute;
}

/** At most one of ingressClassName, class and name. */
export interface Http01Ingress {
  /** Of the solver's Service: ClusterIP or NodePort, which it is when not set. */
  serviceType?: string;
  ingressClassName?: string;
  /** Value of the annotation kubernetes.io/ingress.class. */
  class?: string;
  /** An Ingress to add the path to, in place of making one. */
  name?: string;
  podTemplate?: Http01PodTemplate;
  ingressTemplate?: Http01ObjectTemplate;
}

export interface Http01GatewayHttpRoute {
  /** As in {@link Http01Ingress}. */
  serviceType?: string;
  /** Of the HTTPRoute. */
  labels?: Record<string, string>;
  parentRefs?: GatewayParentReference[];
  podTemplate?: Http01PodTemplate;
}

/** As in gateway.networking.k8s.io/v1. The CRD fills group and kind in. */
export interface GatewayParentReference {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
  sectionName?: string;
  port?: number;
}

/** Labels and annotations beside those that the solver sets itself. */
export interface Http01ObjectTemplate {
  metadata?: { annotations?: Record<string, string>; labels?: Record<string, string> };
}

export interface Http01PodTemplate extends Http01ObjectTemplate {
  spec?: Http01PodSpec;
}

/** The part of a pod's spec that a solver pod may be given. */
export interface Http01PodSpec {
  nodeSelector?: Record<string, string>;
  affinity?: Affinity;
  tolerations?: Toleration[];
  priorityClassName?: string;
  serviceAccountName?: string;
  imagePullSecrets?: { name?: string }[];
  securityContext?: PodSecurityContext;
  resources?: ResourceRequirements;
}
