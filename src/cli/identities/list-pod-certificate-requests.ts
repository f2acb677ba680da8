import { certificatesGroup } from '../../api/groups.ts';
import {
  type PodCertificateRequest,
  podCertificateRequests,
  podCertificateRequestVersions,
} from '../../api/pod-certificate-request.ts';
import { type ListQuery, servedResources } from '../../kube/index.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { listPages } from '../cluster/list-pages.ts';

/** In the newest version that the cluster serves; none where it serves none. */
export async function* listPodCertificateRequests(
  { client }: Pick<Cluster, 'client'>,
  query: Pick<ListQuery, 'namespace'>,
  signal: AbortSignal,
): AsyncGenerator<PodCertificateRequest> {
  for (const version of podCertificateRequestVersions.toReversed()) {
    const served = await servedResources(client, { group: certificatesGroup, version }, { signal });
    if (!served.has('podcertificaterequests')) continue;
    yield* listPages(client.resource(podCertificateRequests(version)), query, signal);
    return;
  }
}
