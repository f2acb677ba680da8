import type { Pod, Service } from '../api/core.ts';

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Names that a pod has in the cluster's DNS: its own, and those of the services of its namespace that select it.
 *
 * None of them ends in a name that its owner chose, and none has one with a dot in it, so that no pod or service can be called
 * something that makes its name that of another namespace. The bare name of a service is not among them: in each namespace it
 * means another one.
 *
 * @param services of any namespaces
 */
export function podDnsNames(pod: Pod, services: readonly Service[], clusterDomain: string): string[] {
  const { name = '', namespace = '' } = pod.metadata;
  const { hostname = name, subdomain } = pod.spec;
  const names: string[] = [];
  if (label.test(name)) {
    const ofPod = `${name}.${namespace}`;
    names.push(ofPod, `${ofPod}.svc`, `${ofPod}.svc.${clusterDomain}`);
    names.push(`${ofPod}.pod`, `${ofPod}.pod.${clusterDomain}`);
  }
  if (subdomain !== undefined && label.test(hostname) && label.test(subdomain)) {
    const ofHost = `${hostname}.${subdomain}.${namespace}.svc`;
    names.push(ofHost, `${ofHost}.${clusterDomain}`);
  }
  for (const service of services) {
    const { name: serviceName = '' } = service.metadata;
    if (!label.test(serviceName) || !selects(service, pod)) continue;
    const ofService = `${serviceName}.${namespace}`;
    names.push(ofService, `${ofService}.svc`, `${ofService}.svc.${clusterDomain}`);
  }
  return [...new Set(names)];
}

/** A service without a selector has endpoints that somebody else writes. */
function selects({ metadata, spec }: Service, pod: Pod): boolean {
  const wanted = Object.entries(spec.selector ?? {});
  const labels = pod.metadata.labels ?? {};
  return (
    metadata.namespace === pod.metadata.namespace &&
    spec.type !== 'ExternalName' &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
  );
}
