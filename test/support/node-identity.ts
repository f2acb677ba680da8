import { namespaces, nodes, pods } from '../../src/api/core.ts';
import type { Pod, PodVolume } from '../../src/api/core.ts';
import { isKubeError } from '../../src/kube/index.ts';
import type { KubeClient, KubeObject, ResourceType } from '../../src/kube/index.ts';
import type { ServiceAccount } from '../cluster/control-plane/cluster-user.ts';

/** The account that the driver's manifests make. */
export const driverAccount = { namespace: 'certmount', name: 'certmount-driver' } as const;

export interface TestPod {
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string;
  /** `default` when not given. Made, with its namespace, where it is not there. */
  readonly serviceAccount?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly subdomain?: string;
  /** `Running` when not given. */
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly ips?: readonly string[];
  readonly volumes?: readonly PodVolume[];
}

export interface BoundServiceAccount {
  readonly serviceAccount: ServiceAccount & {
    readonly boundPod: { readonly name: string; readonly uid: string };
  };
}

const serviceAccounts: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};

/**
 * A Node that no kubelet serves; the same one again where it is there.
 *
 * @param admin of a client that may do everything, as in all of these
 * @returns its uid
 */
export async function createNode(admin: KubeClient, name: string): Promise<string> {
  const resource = admin.resource(nodes);
  const node = await createOrGet(
    () => resource.create({ metadata: { name }, spec: {} }),
    () => resource.get({ name }),
  );
  return node.metadata.uid ?? '';
}

/**
 * A pod that is on the node as the API server has it, though nothing of it runs; the same one again where it is there.
 * Its tokens and requests are those of a real one.
 */
export async function createPod(admin: KubeClient, options: TestPod): Promise<Pod> {
  const { namespace, name, nodeName, serviceAccount = 'default' } = options;
  const { hostname, labels, subdomain, volumes } = options;
  await createNamespace(admin, namespace);
  await createServiceAccount(admin, namespace, serviceAccount);
  const resource = admin.resource(pods);
  const container = { name: 'main', image: 'none' };
  const pod = await createOrGet(
    () =>
      resource.create({
        metadata: { namespace, name, ...(labels && { labels: { ...labels } }) },
        spec: {
          nodeName,
          serviceAccountName: serviceAccount,
          containers: [container],
          ...(hostname !== undefined && { hostname }),
          ...(subdomain !== undefined && { subdomain }),
          ...(volumes && { volumes: [...volumes] }),
        },
      }),
    () => resource.get({ namespace, name }),
  );
  return setPodStatus(admin, pod, options);
}

/** As a kubelet would say it. */
export function setPodStatus(
  admin: KubeClient,
  { metadata: { namespace = '', name = '' } }: Pod,
  { phase = 'Running', ips = [] }: Pick<TestPod, 'phase' | 'ips'>,
): Promise<Pod> {
  const addresses = ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
  const status = { phase, ...addresses };
  return admin.resource(pods).patch({ namespace, name }, { status }, { subresource: 'status' });
}

/**
 * Who the driver of this node is to the API server: its token is bound to a pod on that node, so that node name and uid
 * are among its claims. Node and pod are made where they are not there.
 */
export async function driverCredentials(
  admin: KubeClient,
  nodeName: string,
  account: { readonly namespace: string; readonly name: string } = driverAccount,
): Promise<BoundServiceAccount> {
  await createNode(admin, nodeName);
  const { namespace, name: serviceAccount } = account;
  const pod = await createPod(admin, { namespace, name: `driver-${nodeName}`, nodeName, serviceAccount });
  return boundTo(pod);
}

/** The pod's own credentials, as the kubelet hands them to the driver with `--use-token-request`. */
export function boundTo({ metadata, spec }: Pod): BoundServiceAccount {
  const { namespace = '', name = '', uid = '' } = metadata;
  return {
    serviceAccount: { namespace, name: spec.serviceAccountName ?? 'default', boundPod: { name, uid } },
  };
}

/** Gone at once: there is no kubelet that would end its containers. */
export async function deletePod(
  admin: KubeClient,
  { metadata: { namespace = '', name = '' } }: Pod,
): Promise<void> {
  await admin.resource(pods).delete({ namespace, name }, { gracePeriodSeconds: 0 });
}

export async function createNamespace(admin: KubeClient, name: string): Promise<void> {
  const resource = admin.resource(namespaces);
  await createOrGet(
    () => resource.create({ metadata: { name } }),
    () => resource.get({ name }),
  );
}

async function createServiceAccount(admin: KubeClient, namespace: string, name: string): Promise<void> {
  const resource = admin.resource(serviceAccounts);
  await createOrGet(
    () => resource.create({ metadata: { namespace, name } }),
    () => resource.get({ namespace, name }),
  );
}

async function createOrGet<T extends KubeObject>(
  create: () => Promise<T>,
  get: () => Promise<T>,
): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (!isKubeError(error, 'already-exists')) throw error;
    return get();
  }
}
