import { certificateRequests } from '../../api/certificate-request.ts';
import type { Pod, PodVolume } from '../../api/core.ts';
import { requestLabels } from '../../api/driver-requests.ts';
import { isKubeError } from '../../kube/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { askDriver, type DriverAnswer } from '../cluster/driver-volumes.ts';
import { listPages } from '../cluster/list-pages.ts';
import { otherDriverNames } from '../driver-names.ts';
import type { DriverFlagValues } from '../flags.ts';
import {
  type DriverReport,
  driverVolumes,
  VolumeRequestIndex,
  type VolumeRequests,
} from '../identities/csi-identities.ts';
import { listPodCertificateRequests } from '../identities/list-pod-certificate-requests.ts';
import {
  podCertificateFacts,
  PodCertificateIndex,
  type PodCertificateRequestOf,
  type PodCertificateSource,
  podCertificateSources,
} from '../identities/pod-certificates.ts';
import { requestFacts } from '../identities/request-facts.ts';
import { volumeIdOf } from '../identities/volume-id.ts';

/** One volume of a driver, as the API and the node see it. */
export interface PodVolumeFacts {
  readonly volume: PodVolume;
  readonly requests: VolumeRequests;
  readonly report: DriverReport;
}

/** One `podCertificate` projection, as the API sees it: its kubelet tells nobody what it has written. */
export interface PodCertificateOfPod {
  readonly source: PodCertificateSource;
  readonly request: PodCertificateRequestOf;
}

export interface PodIdentities {
  readonly volumes: readonly PodVolumeFacts[];
  readonly podCertificates: readonly PodCertificateOfPod[];
  /** Why the driver could not be asked; null when it answered, or need not. */
  readonly driverSilent: string | null;
  /** Why requests could not be listed; empty when they were. */
  readonly requestsUnknown: readonly string[];
}

export interface PodIdentitiesOptions extends DriverFlagValues {
  readonly driverNames: readonly string[];
  /** Only this volume of the pod. */
  readonly volume: string | undefined;
}

/** @throws {ToolError} when the pod has no identity, or not in the volume that was named */
export async function podIdentities(
  pod: Pod,
  options: PodIdentitiesOptions,
  cluster: Pick<Cluster, 'client' | 'exec'>,
  signal: AbortSignal,
): Promise<PodIdentities> {
  const { sources, volumes } = chosen(pod, options);
  const [requests, driver, podCertificates] = await Promise.all([
    volumes.length === 0 ? undefined : requestsOf(pod, cluster, signal),
    volumes.length === 0 ? undefined : askDriver(pod, options, cluster, signal),
    sources.length === 0 ? undefined : podCertificatesOf(pod, cluster, signal),
  ]);
  return {
    driverSilent: driver === undefined || driver.known ? null : driver.why,
    requestsUnknown: [requests, podCertificates].flatMap((found) =>
      found?.known === false ? found.why : [],
    ),
    volumes: volumes.map((volume) => ({
      volume,
      requests: requests?.known === true ? requests.index.of(pod, volume) : { known: false },
      report: reportOf(pod, volume, driver),
    })),
    podCertificates: sources.map((source) => ({
      source,
      request: podCertificates?.known === true ? podCertificates.index.of(pod, source) : { known: false },
    })),
  };
}

function chosen(
  pod: Pod,
  { driverNames, volume: wanted }: PodIdentitiesOptions,
): { readonly volumes: readonly PodVolume[]; readonly sources: readonly PodCertificateSource[] } {
  const volumes = driverVolumes(pod, driverNames);
  const sources = podCertificateSources(pod);
  const names = [...volumes.map(({ name }) => name), ...sources.map(({ volume }) => volume)];
  const of = `pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  if (names.length === 0)
    throw new ToolError(`${of} has no volume of ${driverNames.join(', ')}, and no pod certificate`);
  if (wanted !== undefined && !names.includes(wanted))
    throw new ToolError(`--volume: ${of} has no ${JSON.stringify(wanted)}; there are ${names.join(', ')}`);
  return {
    volumes: volumes.filter(({ name }) => wanted === undefined || wanted === name),
    sources: sources.filter(({ volume }) => wanted === undefined || wanted === volume),
  };
}

function reportOf(pod: Pod, volume: PodVolume, driver: DriverAnswer | undefined): DriverReport {
  if (driver?.known !== true) return undefined;
  const id = volumeIdOf(pod.metadata.uid ?? '', volume.name);
  return driver.volumes.find(({ volumeId }) => volumeId === id) ?? null;
}

type Listed<Index> =
  | { readonly known: true; readonly index: Index }
  /** They may not be listed. */
  | { readonly known: false; readonly why: string };

function requestsOf(
  pod: Pod,
  { client }: Pick<Cluster, 'client'>,
  signal: AbortSignal,
): Promise<Listed<VolumeRequestIndex>> {
  const index = new VolumeRequestIndex();
  // cert-manager's drivers have other labels.
  const labelSelector = driverVolumes(pod, otherDriverNames).length > 0 ? undefined : requestLabels.driver;
  const query = { namespace: pod.metadata.namespace, labelSelector };
  return unlessForbidden(index, async () => {
    for await (const request of listPages(client.resource(certificateRequests), query, signal)) {
      const facts = requestFacts(request);
      if (facts.podUid === pod.metadata.uid) index.add(facts);
    }
  });
}

function podCertificatesOf(
  pod: Pod,
  cluster: Pick<Cluster, 'client'>,
  signal: AbortSignal,
): Promise<Listed<PodCertificateIndex>> {
  const index = new PodCertificateIndex();
  const query = { namespace: pod.metadata.namespace };
  return unlessForbidden(index, async () => {
    for await (const request of listPodCertificateRequests(cluster, query, signal)) {
      const facts = podCertificateFacts(request);
      if (facts.podUid === pod.metadata.uid) index.add(facts);
    }
  });
}

async function unlessForbidden<Index>(index: Index, look: () => Promise<void>): Promise<Listed<Index>> {
  try {
    await look();
  } catch (error) {
    if (isKubeError(error, 'forbidden')) return { known: false, why: error.message };
    if (!isKubeError(error, 'not-found')) throw error;
  }
  return { known: true, index };
}
