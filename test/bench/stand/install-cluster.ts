import type { ControlPlane } from '../../cluster/control-plane.ts';
import { clusterIssuerWithCa } from '../../support/certificate-authority.ts';
import { eventually } from '../../support/eventually.ts';
import { installManifests } from '../../support/install-manifests.ts';
import { namespace } from '../../support/pods.ts';

/** A Node object without a machine. */
export const nodeName = 'bench-node';

export interface PodReference {
  readonly name: string;
  readonly uid: string;
}

export interface Installed {
  readonly issuer: string;
  /** Whose the volumes are. */
  readonly pod: PodReference & { readonly namespace: string };
  /** Where driver and controller would run: their tokens are bound to these, and with them to the node. */
  readonly programPods: Readonly<Record<'driver' | 'controller', PodReference>>;
}

/** All of `kubectl apply -k deploy` and `-k daemonset` but the workloads, a CA, and a node with pods to ask for volumes. */
export async function installCluster(controlPlane: ControlPlane): Promise<Installed> {
  await installManifests(controlPlane);
  const issuer = 'bench-ca';
  await controlPlane.apply([
    ...(await clusterIssuerWithCa(issuer)).manifests,
    namespace('bench'),
    { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } },
    ...approvesBareRequests,
  ]);
  const [pod, driver, controller] = await Promise.all([
    createPod(controlPlane, 'bench', 'workload-7d4b9c6f5-x2x8p', 'default'),
    createPod(controlPlane, 'certmount', 'certmount-driver-q8k2z', 'certmount-driver'),
    createPod(controlPlane, 'certmount', 'certmount-controller-6f7b8d9c4-m5n7p', 'certmount-controller'),
  ]);
  return { issuer, pod: { ...pod, namespace: 'bench' }, programPods: { driver, controller } };
}

const bareApprover = {
  apiGroup: 'rbac.authorization.k8s.io',
  kind: 'ClusterRole',
  name: 'bench-approver',
};

/** For the statuses that the bench itself writes with the controller's credentials, see bare-api.ts. */
const approvesBareRequests = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: bareApprover.name },
    rules: [
      {
        apiGroups: ['cert-manager.io'],
        resources: ['signers'],
        resourceNames: ['clusterissuers.bench.example.com/*'],
        verbs: ['approve'],
      },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: bareApprover.name },
    roleRef: bareApprover,
    subjects: [{ kind: 'ServiceAccount', namespace: 'certmount', name: 'certmount-controller' }],
  },
];

/** Bound to the node by hand; nothing will ever run it. */
async function createPod(
  controlPlane: ControlPlane,
  ns: string,
  name: string,
  serviceAccountName: string,
): Promise<PodReference> {
  await eventually('the service account', () =>
    controlPlane.kubectl(['get', 'serviceaccount', '-n', ns, serviceAccountName]),
  );
  await controlPlane.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: ns },
    spec: {
      nodeName,
      serviceAccountName,
      automountServiceAccountToken: false,
      containers: [{ name: 'workload', image: 'none' }],
      // The node never reports, for which its pods would be evicted.
      tolerations: [{ operator: 'Exists' }],
    },
  });
  const uid = await controlPlane.kubectl(['get', 'pod', '-n', ns, name, '-o', 'jsonpath={.metadata.uid}']);
  return { name, uid };
}
