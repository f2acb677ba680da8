import { type CertificateRequest, certificateRequests } from '../../api/certificate-request.ts';
import type { Pod, PodVolume } from '../../api/core.ts';
import { requestLabels } from '../../api/driver-requests.ts';
import type { VolumeReport } from '../../api/volume-report.ts';
import { isKubeError } from '../../kube/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { askDriver } from '../cluster/driver-volumes.ts';
import { listPages } from '../cluster/list-pages.ts';
import type { DriverFlagValues } from '../flags.ts';
import { driverVolumes, VolumeRequestIndex, type VolumeRequests } from '../identities/csi-identities.ts';
import { requestFacts } from '../identities/request-facts.ts';
import { volumeIdOf } from '../identities/volume-id.ts';

/** One volume of a pod, as the API and the node see it. */
export interface PodVolumeFacts {
  readonly volume: PodVolume;
  readonly requests: VolumeRequests;
  /** Undefined when the driver has no such volume, or could not be asked. */
  readonly report: VolumeReport | undefined;
}

export interface PodVolumes {
  readonly volumes: readonly PodVolumeFacts[];
  /** Why the driver could not be asked; null when it answered. */
  readonly driverSilent: string | null;
  /** Why requests could not be listed; null when they were. */
  readonly requestsUnknown: string | null;
}

/** @throws {ToolError} when the pod has no volume of the driver, or not the one that was named */
export async function podVolumes(
  pod: Pod,
  options: DriverFlagValues & {
    readonly driverNames: readonly string[];
    readonly volume: string | undefined;
  },
  cluster: Pick<Cluster, 'client' | 'exec'>,
  signal: AbortSignal,
): Promise<PodVolumes> {
  const { metadata } = pod;
  const all = driverVolumes(pod, options.driverNames);
  const chosen = all.filter(({ name }) => options.volume === undefined || options.volume === name);
  if (chosen.length === 0) {
    const names = all.map(({ name }) => name).join(', ');
    throw new ToolError(
      all.length === 0
        ? `pod ${metadata.namespace}/${metadata.name} has no volume of ${options.driverNames.join(', ')}`
        : `--volume: pod ${metadata.namespace}/${metadata.name} has no ${JSON.stringify(options.volume)}; there are ${names}`,
    );
  }
  const [requests, driver] = await Promise.all([
    requestsOf(pod, cluster, signal),
    askDriver(pod, options, cluster, signal),
  ]);
  const uid = metadata.uid ?? '';
  return {
    driverSilent: driver.known ? null : driver.why,
    requestsUnknown: requests.known ? null : requests.why,
    volumes: chosen.map((volume) => {
      const id = volumeIdOf(uid, volume.name);
      return {
        volume,
        requests: requests.known
          ? requests.index.of(pod, volume.name)
          : { present: undefined, next: undefined },
        report: driver.known ? driver.volumes.find(({ volumeId }) => volumeId === id) : undefined,
      };
    }),
  };
}

async function requestsOf(
  { metadata }: Pod,
  { client }: Pick<Cluster, 'client'>,
  signal: AbortSignal,
): Promise<
  | { readonly known: true; readonly index: VolumeRequestIndex }
  | { readonly known: false; readonly why: string }
> {
  const index = new VolumeRequestIndex();
  const query = { namespace: metadata.namespace, labelSelector: requestLabels.driver };
  try {
    for await (const request of listPages<CertificateRequest>(
      client.resource(certificateRequests),
      query,
      signal,
    )) {
      const facts = requestFacts(request);
      if (facts.podUid === metadata.uid) index.add(facts);
    }
    return { known: true, index };
  } catch (error) {
    if (isKubeError(error, 'not-found')) return { known: true, index };
    if (!isKubeError(error, 'forbidden')) throw error;
    return { known: false, why: error.message };
  }
}
