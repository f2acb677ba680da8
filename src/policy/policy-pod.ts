import type { Pod, Service } from '../api/core.ts';
import { serviceAccountSpiffeId, serviceAccountUser } from '../api/service-account.ts';
import { decodeIpAddress, encodeIpAddress } from '../pki/index.ts';
import type { Surroundings } from './evaluate.ts';
import { podDnsNames } from './pod-dns-names.ts';
import type { PolicyPod, PolicySubject } from './policy-request.ts';

/**
 * What policies know of a pod, from the pod itself as the API server has it.
 *
 * @param pod with no addresses but its own: its kubelet writes others into its status as it likes
 * @param services of the pod's namespace, or of any
 * @throws {PkiError} when the pod cannot have a SPIFFE ID
 */
export function policyPodOf(
  pod: Pod,
  services: readonly Service[],
  { clusterDomain, trustDomain }: Surroundings,
): PolicyPod {
  const { labels = {}, name = '', namespace = '', uid = '' } = pod.metadata;
  const { nodeName = '', serviceAccountName: serviceAccount = 'default' } = pod.spec;
  return {
    namespace,
    name,
    uid,
    serviceAccount,
    nodeName,
    spiffeId: serviceAccountSpiffeId({ namespace, name: serviceAccount }, trustDomain),
    ips: podIps(pod),
    dnsNames: podDnsNames(pod, services, clusterDomain),
    labels,
  };
}

/** The user that a pod is to the API server: whose right to use policies counts for the pod's certificates. */
export function serviceAccountSubject(pod: Pick<PolicyPod, 'namespace' | 'serviceAccount'>): PolicySubject {
  return serviceAccountUser({ namespace: pod.namespace, name: pod.serviceAccount });
}

/** In the one form that addresses have in a decoded request. */
function podIps({ status }: Pod): readonly string[] {
  const ips = [...(status?.podIPs ?? []).map(({ ip }) => ip), status?.podIP ?? ''];
  return [...new Set(ips.flatMap((ip) => canonicalIp(ip) ?? []))];
}

export function canonicalIp(ip: string): string | undefined {
  const octets = encodeIpAddress(ip);
  return octets && decodeIpAddress(octets);
}
