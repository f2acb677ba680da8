import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';

/** Whether the certificate is made for the addresses that the pod has. */
export function dependsOnAddresses(spec: VolumeSpec): boolean {
  return spec.gates.some(({ gate }) => gate === 'pod-ip');
}

/**
 * The spec as the pod is now: with its addresses, which it gets after its volumes are mounted and may change with its
 * sandbox. Call when the pod has passed the volume's gates.
 *
 * @throws {VolumeError} `invalid-attribute` when what the addresses make of an attribute is not allowed
 */
export function completeSpec(spec: VolumeSpec, ports: VolumePorts): VolumeSpec {
  if (!dependsOnAddresses(spec)) return spec;
  const record = ports.records.read(spec.volumeId);
  return ports.parseSpec({ ...record, secrets: {}, seLinuxContext: undefined }, ports.pods.ips(spec.pod));
}
