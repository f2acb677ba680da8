import type { Pod } from '../../../api/core.ts';

/** Something that a pod gets only after its volumes are mounted, and that its certificate waits for. */
export type PodGate =
  | { readonly gate: 'pod-ip'; readonly family: 'any' | 'ipv4' | 'ipv6' }
  | { readonly gate: 'pod-condition'; readonly type: string; readonly status: 'True' | 'False' | 'Unknown' }
  /** The annotation is there and not empty. */
  | { readonly gate: 'pod-annotation'; readonly key: string };

/** The first gate that the pod has not passed, for people to read; undefined when it has passed all. */
export function unmetGate(pod: Pod | undefined, gates: readonly PodGate[]): string | undefined {
  const unmet = gates.find((gate) => pod === undefined || !isMet(pod, gate));
  return unmet === undefined ? undefined : describe(unmet);
}

/** The addresses of the pod, its primary one first. */
export function podIpsOf(pod: Pod | undefined): readonly string[] {
  return (pod?.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== '');
}

function isMet(pod: Pod, gate: PodGate): boolean {
  switch (gate.gate) {
    case 'pod-ip':
      return podIpsOf(pod).some((ip) => gate.family === 'any' || gate.family === familyOf(ip));
    case 'pod-condition':
      return (pod.status?.conditions ?? []).some(
        ({ status, type }) => type === gate.type && status === gate.status,
      );
    case 'pod-annotation':
      return (pod.metadata.annotations?.[gate.key] ?? '') !== '';
  }
}

function describe(gate: PodGate): string {
  switch (gate.gate) {
    case 'pod-ip':
      return gate.family === 'any' ? "the pod's address" : `an ${gate.family} address of the pod`;
    case 'pod-condition':
      return `the pod's condition ${gate.type} to be ${gate.status}`;
    case 'pod-annotation':
      return `the pod's annotation ${gate.key}`;
  }
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return ip.includes(':') ? 'ipv6' : 'ipv4';
}
