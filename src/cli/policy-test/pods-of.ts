import type { Pod } from '../../api/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { generatedName } from './controlled-pods.ts';
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
const standInNode = 'node-1';

/** The pod that an object stands for, with a name, uid, node and address as it might get them; undefined for one that is no workload. */
export function podOf(object: KubeObject, defaultNamespace: string): PlannedPod | undefined {
  const pods = knownKind(object)?.pods;
  if (pods === undefined) return undefined;
  const { kind = '', metadata } = object;
  const name = metadata.name ?? generatedName(metadata.generateName ?? `${kind.toLowerCase()}-`);
  const namespace = metadata.namespace ?? defaultNamespace;
  // Both of this form by their shape.
  const template = fieldOf(object, pods.path) as Pod;
  const owner = fieldOf(object, pods.path.slice(0, -1)) as Record<string, unknown>;
  const made = pods.naming(name, owner);
  return {
    origin: `${kind} ${namespace}/${name}`,
    path: pods.path,
    pod: {
      metadata: {
        ...template.metadata,
        labels: { ...template.metadata?.labels, ...made.labels },
        name: made.name,
        namespace,
        uid: standInUid,
      },
      spec: {
        ...template.spec,
        ...made.spec,
        nodeName: template.spec.nodeName || standInNode,
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

function fieldOf(object: unknown, path: readonly string[]): unknown {
  return path.reduce((value, key) => (isObject(value) ? value[key] : undefined), object);
}
