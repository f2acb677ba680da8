import { type AnchorSet, anchorSets } from '../api/anchor-set.ts';
import { type CertificateRequest, certificateRequests } from '../api/certificate-request.ts';
import { type Pod, pods } from '../api/core.ts';
import { requestLabels } from '../api/driver-requests.ts';
import { type Clock, type KubeClient, type KubeObject, Reflector, type ResourceType } from '../kube/index.ts';
import type { Logger } from '../runtime/log.ts';
import { slimAnchorSet } from './trust/anchor-sets.ts';
import { labelValue } from './volume/issuance/labels.ts';
import { slimRequest } from './volume/issuance/slim-request.ts';
import { slimPod } from './volume/pods/node-pods.ts';

export interface NodeWatchesOptions {
  readonly nodeId: string;
  readonly driverName: string;
}

export interface NodeWatchesDependencies {
  readonly client: Pick<KubeClient, 'resource'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Requests may be as long as the API server lets them: a page of them is held whole while it is read. */
const requestPageSize = 50;

/** The CertificateRequests of this driver on this node, no others. */
export function watchRequests(
  { driverName, nodeId }: NodeWatchesOptions,
  dependencies: NodeWatchesDependencies,
): Reflector<CertificateRequest> {
  const labels = [
    `${requestLabels.node}=${labelValue(nodeId)}`,
    `${requestLabels.driver}=${labelValue(driverName)}`,
  ];
  return watch(
    certificateRequests,
    { labelSelector: labels.join(), transform: slimRequest, pageSize: requestPageSize },
    dependencies,
  );
}

/** The pods of this node, no others. */
export function watchPods(
  { nodeId }: NodeWatchesOptions,
  dependencies: NodeWatchesDependencies,
): Reflector<Pod> {
  return watch(pods, { fieldSelector: `spec.nodeName=${nodeId}`, transform: slimPod }, dependencies);
}

/** Anchors may be many: a page of them is held beside all others while it is read. */
const anchorSetPageSize = 100;

/** All AnchorSets: which of them the volumes of this node use changes with its pods. */
export function watchAnchorSets(
  { client, clock, random }: NodeWatchesDependencies,
  onError: (error: unknown) => void,
): Reflector<AnchorSet> {
  return new Reflector(
    { resource: client.resource(anchorSets), transform: slimAnchorSet, pageSize: anchorSetPageSize },
    { clock, random, onError },
  );
}

/** One AnchorSet, not from the API server's cache. */
export async function readAnchorSet(
  { client }: Pick<NodeWatchesDependencies, 'client'>,
  name: string,
  signal: AbortSignal,
): Promise<AnchorSet | undefined> {
  const { items } = await client
    .resource(anchorSets)
    .list({ fieldSelector: `metadata.name=${name}` }, { signal });
  return items[0];
}

function watch<T extends KubeObject>(
  type: ResourceType<T>,
  selection: {
    readonly labelSelector?: string;
    readonly fieldSelector?: string;
    readonly transform: (object: T) => T;
    readonly pageSize?: number;
  },
  { client, clock, log, random }: NodeWatchesDependencies,
): Reflector<T> {
  const onError = (error: unknown): void => log.warn({ error, resource: type.plural }, 'watch interrupted');
  return new Reflector({ resource: client.resource(type), ...selection }, { clock, random, onError });
}
