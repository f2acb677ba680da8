import type { PolicyPod, UserAnnotations } from '../../policy/index.ts';

/** RFC 1035 label, as the API server asks of it. */
const serviceName = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * Whether some name that is asked for is none of the pod's now, and would be with a Service that is not there yet. A denial is
 * final for a kubelet, so that one which may pass by itself has to wait.
 */
export function mayBecomeNames(
  { commonName, dnsNames }: UserAnnotations,
  pod: PolicyPod,
  { clusterDomain }: { readonly clusterDomain: string },
): boolean {
  const endings = ['', '.svc', `.svc.${clusterDomain}`].map((ending) => `.${pod.namespace}${ending}`);
  const isOfService = (name: string): boolean =>
    endings.some((ending) => name.endsWith(ending) && serviceName.test(name.slice(0, -ending.length)));
  return [...dnsNames, ...(commonName === undefined ? [] : [commonName])].some(
    (name) => !pod.dnsNames.includes(name) && isOfService(name),
  );
}
