import { completeSpec, dependsOnAddresses } from './complete-spec.ts';
import { isAskedFor } from './publish-volume.ts';
import type { ReadGeneration } from './read-generation.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { VolumeTable } from './volumes.ts';

/**
 * Renews the volume as soon as its pod has other addresses than its certificate was made for: the kubelet made its sandbox
 * anew, or the API server still had those from before the node was restarted.
 */
export function followAddresses(
  spec: VolumeSpec,
  madeFor: readonly string[],
  table: VolumeTable,
  ports: VolumePorts,
): void {
  if (!dependsOnAddresses(spec)) return;
  table.renewWhen(spec.volumeId, (signal) => ports.pods.whenReaddressed(spec.pod, madeFor, signal));
}

/** The same for a certificate of an earlier process of the driver, which alone knew the addresses. */
export function followAddressesOf(
  found: ReadGeneration,
  spec: VolumeSpec,
  table: VolumeTable,
  ports: VolumePorts,
): void {
  if (!dependsOnAddresses(spec)) return;
  table.renewWhen(spec.volumeId, async (signal) => {
    await ports.pods.whenReaddressed(spec.pod, [], signal);
    const ips = ports.pods.ips(spec.pod);
    if (isAskedFor(completeSpec(spec, ports), found, ports))
      await ports.pods.whenReaddressed(spec.pod, ips, signal);
  });
}
