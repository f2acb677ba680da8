import { certificateRequests } from '../../api/certificate-request.ts';
import { pods } from '../../api/core.ts';
import { isKubeError, type KubeObject, type ResourceType } from '../../kube/index.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { listPages } from '../cluster/list-pages.ts';
import { certificateIdentity, certificateObjects, RevisionIndex } from './certificates.ts';
import { csiIdentity, driverVolumes, VolumeRequestIndex } from './csi-identities.ts';
import type { IdentityRow } from './identity-row.ts';
import { listPodCertificateRequests } from './list-pod-certificate-requests.ts';
import {
  podCertificateFacts,
  podCertificateIdentity,
  PodCertificateIndex,
  podCertificateSources,
} from './pod-certificates.ts';
import { requestFacts } from './request-facts.ts';

export interface ListIdentitiesOptions {
  /** All when undefined. */
  readonly namespace: string | undefined;
  /** Only of this node, which leaves out Certificates: their Secrets are on none. */
  readonly node: string | undefined;
  readonly driverNames: readonly string[];
}

export interface ListIdentitiesDependencies {
  readonly cluster: Pick<Cluster, 'client'>;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Told what could not be looked at. */
  readonly warn: (text: string) => void;
}

/** Every identity, as it is found. Kept in memory is a little of each request; pods go by page by page. */
export async function* listIdentities(
  options: ListIdentitiesOptions,
  deps: ListIdentitiesDependencies,
): AsyncGenerator<IdentityRow> {
  const { namespace, node } = options;
  const { cluster, now, signal, warn } = deps;
  const { client } = cluster;
  const all = <T extends KubeObject>(type: ResourceType<T>, fieldSelector?: string): AsyncGenerator<T> =>
    listPages(client.resource(type), { namespace, fieldSelector }, signal);

  const requests = new VolumeRequestIndex();
  const revisions = new RevisionIndex();
  const requestsKnown = await optional(warn, 'CertificateRequests', async () => {
    for await (const request of all(certificateRequests)) {
      const facts = requestFacts(request);
      requests.add(facts);
      revisions.add(facts);
    }
  });
  const podCertificates = new PodCertificateIndex();
  const podCertificatesKnown = await optional(warn, 'PodCertificateRequests', async () => {
    for await (const request of listPodCertificateRequests(cluster, { namespace }, signal))
      podCertificates.add(podCertificateFacts(request));
  });

  for await (const pod of all(pods, node === undefined ? undefined : `spec.nodeName=${node}`)) {
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') continue;
    for (const volume of driverVolumes(pod, options.driverNames))
      yield csiIdentity(
        pod,
        volume,
        requestsKnown ? requests.of(pod, volume) : { known: false },
        undefined,
        now(),
      );
    for (const source of podCertificateSources(pod))
      yield podCertificateIdentity(
        pod,
        source,
        podCertificatesKnown ? podCertificates.of(pod, source) : { known: false },
        now(),
      );
  }

  if (node !== undefined) return;
  const rows: IdentityRow[] = [];
  await optional(warn, 'Certificates', async () => {
    for await (const certificate of all(certificateObjects))
      rows.push(certificateIdentity(certificate, revisions, now()));
  });
  yield* rows;
}

/**
 * What the cluster does not have is passed over, what may not be looked at is told; anything else fails.
 *
 * @returns false when it may not be looked at
 */
async function optional(
  warn: (text: string) => void,
  what: string,
  look: () => Promise<void>,
): Promise<boolean> {
  try {
    await look();
  } catch (error) {
    if (isKubeError(error, 'not-found')) return true;
    if (!isKubeError(error, 'forbidden')) throw error;
    warn(`${what} may not be listed, and are left out: ${error.message}`);
    return false;
  }
  return true;
}
