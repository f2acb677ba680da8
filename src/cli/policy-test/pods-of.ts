import type { Pod } from '../../api/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { knownKind } from './kinds.ts';
import { isObject } from './schema-faults.ts';

/** A pod that nobody runs yet, and what it would come from. */
export interface PlannedPod {
  /** `Deployment web/api`. */
  readonly origin: string;
  /** Of its template in what it comes from. */
  readonly path: readonly string[];
  readonly pod: Pod;
}

/** Of a block that is for documentation (RFC 5737). */
const standInIp = '192.0.2.1';
const standInUid = '00000000-0000-4000-8000-000000000000';

/** The pod that an object stands for, with a name, uid and address as it might get them; undefined for one that is no workload. */
export function podOf(object: KubeObject, defaultNamespace: string): PlannedPod | undefined {
  const pods = knownKind(object)?.pods;
  if (pods === undefined) return undefined;
  const { kind = '', metadata } = object;
  const name = metadata.name ?? `${metadata.generateName ?? `${kind.toLowerCase()}-`}x2x4q`;
  const namespace = metadata.namespace ?? defaultNamespace;
  const podName = `${name}${pods.suffix}`;
  // Of this form by its shape.
  const template = pods.path.reduce<unknown>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    object,
  ) as Pod;
  return {
    origin: `${kind} ${namespace}/${name}`,
    path: pods.path,
    pod: {
      metadata: { ...template.metadata, name: podName, namespace, uid: standInUid },
      spec: {
        ...template.spec,
        ...(kind === 'StatefulSet' && hostOf(object, podName)),
        serviceAccountName: serviceAccountOf(template.spec),
      },
      status: { podIPs: [{ ip: standInIp }] },
    },
  };
}

/** The older of the two fields counts where the newer is empty. */
function serviceAccountOf({ serviceAccount, serviceAccountName }: Pod['spec']): string {
  return serviceAccountName || serviceAccount || 'default';
}

/** What the controller of StatefulSets adds to its pods. */
function hostOf(object: KubeObject & { spec?: unknown }, hostname: string): Partial<Pod['spec']> {
  const subdomain = isObject(object.spec) ? object.spec['serviceName'] : undefined;
  return typeof subdomain === 'string' ? { hostname, subdomain } : { hostname };
}
