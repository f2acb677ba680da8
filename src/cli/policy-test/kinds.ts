import { certificateRequestPolicies, policyGroup } from '../../api/certificate-request-policy.ts';
import type { Schema } from '../../api/crds/schema.ts';
import type { KubeObject } from '../../kube/object.ts';
import { asNamed, generated, ofCronJob, ofJob, ofStatefulSet, type PodNaming } from './controlled-pods.ts';
import { mutatingPolicyShape, namespaceShape, policyShape, serviceShape, workloadShape } from './shapes.ts';

/** A kind of object that is looked at. */
export interface KnownKind {
  readonly group: string;
  readonly shape: Schema;
  /** Of one that pods come from: where its pod template lies, and what its pods have beside. */
  readonly pods?: { readonly path: readonly string[]; readonly naming: PodNaming };
}

const ofController = generated('-');
const ofDeployment = generated('-5d4f8c7b9d-');

function workload(group: string, naming: PodNaming, ...path: readonly string[]): KnownKind {
  return { group, shape: workloadShape(path), pods: { path, naming } };
}

const kinds: Readonly<Record<string, KnownKind>> = {
  Pod: workload('', asNamed),
  PodTemplate: workload('', asNamed, 'template'),
  ReplicationController: workload('', ofController, 'spec', 'template'),
  Deployment: workload('apps', ofDeployment, 'spec', 'template'),
  ReplicaSet: workload('apps', ofController, 'spec', 'template'),
  StatefulSet: workload('apps', ofStatefulSet, 'spec', 'template'),
  DaemonSet: workload('apps', ofController, 'spec', 'template'),
  Job: workload('batch', ofJob, 'spec', 'template'),
  CronJob: workload('batch', ofCronJob, 'spec', 'jobTemplate', 'spec', 'template'),
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
