import { newRequestName, recordOf, storeRecord } from './publish-volume.ts';
import type { VolumePorts } from './volume-ports.ts';
import { pendingOf, type ServedVolume } from './volume.ts';
import type { VolumeSource } from './volumes.ts';

/** Whether something of a volume that is served is missing which {@link healVolume} can bring back. */
export function isUnwell({ spec }: ServedVolume, { records, workloadApis }: VolumePorts): boolean {
  return !records.has(spec.volumeId) || (spec.workloadApi && workloadApis?.serves(spec.volumeId) === false);
}

/** What a running volume has lost beside its files comes back with the kubelet's next call: its record, its socket. */
export async function healVolume(
  volume: ServedVolume,
  source: VolumeSource,
  ports: VolumePorts,
): Promise<void> {
  const { spec } = volume;
  if (!ports.records.has(spec.volumeId)) {
    const request =
      volume.state === 'waiting'
        ? (pendingOf(volume)?.request ?? newRequestName(spec, ports))
        : volume.request;
    await storeRecord(recordOf(source, request), ports);
    ports.log.warn({ volume: spec.volumeId }, 'a live volume had lost its record; it is written anew');
  }
  await ports.workloadApis?.update(spec);
}
