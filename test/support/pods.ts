import { workloadImage } from './certmount-cluster.ts';

export interface WorkloadOptions {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  /** Attributes of the volume at /certs; without any the pod has no volume. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Driver of the volume; certmount's when not given. */
  readonly driver?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const sleepForever = ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait; done'];

/** A pod that runs as nobody in particular and reads its volume through its fsGroup, as workloads do. */
export function workloadPod(options: WorkloadOptions): object {
  const { attributes, command = sleepForever, driver = 'csi.certmount.io', environment = {} } = options;
  const mounted = attributes !== undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: options.name, namespace: options.namespace },
    spec: {
      serviceAccountName: options.serviceAccount ?? 'default',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000, runAsNonRoot: true },
      containers: [
        {
          name: 'workload',
          image: workloadImage,
          imagePullPolicy: 'Never',
          command,
          env: Object.entries(environment).map(([name, value]) => ({ name, value })),
          securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
          ...(mounted ? { volumeMounts: [{ name: 'certs', mountPath: '/certs', readOnly: true }] } : {}),
        },
      ],
      ...(mounted
        ? { volumes: [{ name: 'certs', csi: { driver, readOnly: true, volumeAttributes: attributes } }] }
        : {}),
    },
  };
}

export function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function serviceAccount(ns: string, name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: ns, name } };
}
