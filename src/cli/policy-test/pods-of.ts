import type { Pod } from '../../api/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { ToolError } from '../../runtime/tool.ts';
import { isObject } from './read-manifests.ts';

/** A pod that nobody runs yet, and what it would come from. */
export interface PlannedPod {
  /** `Deployment web/api`. */
  readonly origin: string;
  readonly pod: Pod;
}

/** Where a kind has its pod template, and what the names of its pods end in. */
const templates: Readonly<Record<string, { readonly path: readonly string[]; readonly suffix: string }>> = {
  Pod: { path: [], suffix: '' },
  PodTemplate: { path: ['template'], suffix: '' },
  Deployment: { path: ['spec', 'template'], suffix: '-5d4f8c7b9d-x2x4q' },
  ReplicaSet: { path: ['spec', 'template'], suffix: '-x2x4q' },
  ReplicationController: { path: ['spec', 'template'], suffix: '-x2x4q' },
  StatefulSet: { path: ['spec', 'template'], suffix: '-0' },
  DaemonSet: { path: ['spec', 'template'], suffix: '-x2x4q' },
  Job: { path: ['spec', 'template'], suffix: '-x2x4q' },
  CronJob: { path: ['spec', 'jobTemplate', 'spec', 'template'], suffix: '-29000000-x2x4q' },
};

/** Of a block that is for documentation (RFC 5737). */
const standInIp = '192.0.2.1';
const standInUid = '00000000-0000-4000-8000-000000000000';

/**
 * The pod that an object stands for, with a name, uid and address as it might get them; undefined for one that is no workload.
 *
 * @throws {ToolError}
 */
export function podOf(object: KubeObject, defaultNamespace: string): PlannedPod | undefined {
  const { kind = '', metadata } = object;
  const form = Object.hasOwn(templates, kind) ? templates[kind] : undefined;
  if (form === undefined) return undefined;
  const name = metadata.name ?? `${metadata.generateName ?? `${kind.toLowerCase()}-`}x2x4q`;
  const namespace = metadata.namespace ?? defaultNamespace;
  const origin = `${kind} ${namespace}/${name}`;
  const template = form.path.reduce<unknown>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    object,
  );
  if (!isObject(template) || !isObject(template['spec']))
    throw new ToolError(`${origin}: ${[...form.path, 'spec'].join('.')} must be given`);
  const podName = `${name}${form.suffix}`;
  return {
    origin,
    pod: {
      metadata: {
        ...(isObject(template['metadata']) ? template['metadata'] : {}),
        name: podName,
        namespace,
        uid: standInUid,
      },
      spec: { ...template['spec'], ...(kind === 'StatefulSet' && hostOf(object, podName)) },
      status: { podIPs: [{ ip: standInIp }] },
    },
  };
}

/** What the controller of StatefulSets adds to its pods. */
function hostOf(object: KubeObject & { spec?: unknown }, hostname: string): Pod['spec'] {
  const subdomain = isObject(object.spec) ? object.spec['serviceName'] : undefined;
  return typeof subdomain === 'string' ? { hostname, subdomain } : { hostname };
}
