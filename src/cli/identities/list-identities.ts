import { certificateRequests } from '../../api/certificate-request.ts';
import { pods } from '../../api/core.ts';
import { certificatesGroup } from '../../api/groups.ts';
import { podCertificateRequests, podCertificateRequestVersions } from '../../api/pod-certificate-request.ts';
import { isKubeError, type KubeObject, type ResourceType, servedResources } from '../../kube/index.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { listPages } from '../cluster/list-pages.ts';
import { certificateIdentity, certificateObjects, RevisionIndex } from './certificates.ts';
import { csiIdentity, driverVolumes, VolumeRequestIndex } from './csi-identities.ts';
import type { IdentityRow } from './identity-row.ts';
import { podCertificateFacts, podCertificateIdentities, PodCertificateIndex } from './pod-certificates.ts';
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
  await optional(warn, 'CertificateRequests', async () => {
    for await (const request of all(certificateRequests)) {
      const facts = requestFacts(request);
      requests.add(facts);
      revisions.add(facts);
    }
  });
  const podCertificates = new PodCertificateIndex();
  await optional(warn, 'PodCertificateRequests', async () => {
    for (const version of podCertificateRequestVersions.toReversed()) {
      const served = await servedResources(client, { group: certificatesGroup, version }, { signal });
      if (!served.has('podcertificaterequests')) continue;
      for await (const request of all(podCertificateRequests(version)))
        podCertificates.add(podCertificateFacts(request));
      return;
    }
  });

  for await (const pod of all(pods, node === undefined ? undefined : `spec.nodeName=${node}`)) {
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') continue;
    for (const volume of driverVolumes(pod, options.driverNames))
      yield csiIdentity(pod, volume, requests.of(pod, volume.name), now());
    yield* podCertificateIdentities(pod, podCertificates, now());
  }

  if (node !== undefined) return;
  const rows: IdentityRow[] = [];
  await optional(warn, 'Certificates', async () => {
    for await (const certificate of all(certificateObjects))
      rows.push(certificateIdentity(certificate, revisions, now()));
  });
  yield* rows;
}

/** What the cluster does not have is passed over, what may not be looked at is told; anything else fails. */
async function optional(
  warn: (text: string) => void,
  what: string,
  look: () => Promise<void>,
): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (isKubeError(error, 'not-found')) return;
    if (!isKubeError(error, 'forbidden')) throw error;
    warn(`${what} may not be listed, and are left out: ${error.message}\n`);
  }
}
