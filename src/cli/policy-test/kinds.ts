import { certificateRequestPolicies, policyGroup } from '../../api/certificate-request-policy.ts';
import type { Schema } from '../../api/crds/schema.ts';
import type { KubeObject } from '../../kube/object.ts';
import { mutatingPolicyShape, namespaceShape, policyShape, serviceShape, workloadShape } from './shapes.ts';

/** A kind of object that is looked at. */
export interface KnownKind {
  readonly group: string;
  readonly shape: Schema;
  /** Of one that pods come from: where its pod template lies, and what the names of its pods end in. */
  readonly pods?: { readonly path: readonly string[]; readonly suffix: string };
}

function workload(group: string, suffix: string, ...path: readonly string[]): KnownKind {
  return { group, shape: workloadShape(path), pods: { path, suffix } };
}

const kinds: Readonly<Record<string, KnownKind>> = {
  Pod: workload('', ''),
  PodTemplate: workload('', '', 'template'),
  ReplicationController: workload('', '-x2x4q', 'spec', 'template'),
  Deployment: workload('apps', '-5d4f8c7b9d-x2x4q', 'spec', 'template'),
  ReplicaSet: workload('apps', '-x2x4q', 'spec', 'template'),
  StatefulSet: workload('apps', '-0', 'spec', 'template'),
  DaemonSet: workload('apps', '-x2x4q', 'spec', 'template'),
  Job: workload('batch', '-x2x4q', 'spec', 'template'),
  CronJob: workload('batch', '-29000000-x2x4q', 'spec', 'jobTemplate', 'spec', 'template'),
  Namespace: { group: '', shape: namespaceShape },
  Service: { group: '', shape: serviceShape },
  MutatingAdmissionPolicy: { group: 'admissionregistration.k8s.io', shape: mutatingPolicyShape },
  [certificateRequestPolicies.kind]: { group: policyGroup, shape: policyShape },
};

/** Undefined for an object that is not looked at: other projects have kinds of the same name. */
export function knownKind({
  apiVersion,
  kind = '',
}: Pick<KubeObject, 'apiVersion' | 'kind'>): KnownKind | undefined {
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return known !== undefined && (apiVersion === undefined || groupOf(apiVersion) === known.group)
    ? known
    : undefined;
}

/** As kubectl names a kind: `Job`, `Job.batch.volcano.sh`. */
export function kindText({ apiVersion = '', kind = '' }: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  const group = groupOf(apiVersion);
  return group === '' ? kind : `${kind}.${group}`;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
