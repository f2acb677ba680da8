import { generationOf, nextRenewal } from './issue-generation.ts';
import { readPending } from './pending-request.ts';
import { readGeneration } from './read-generation.ts';
import type { VolumeRecord } from './state/volume-record.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { VolumeSource, VolumeTable } from './volumes.ts';

/** Brings records and mounts together. The trouble of one volume is logged and harms no other. */
export async function recoverVolumes(
  parseSpec: (source: VolumeSource) => VolumeSpec,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const { log, mounts, records } = ports;
  const accounted = new Set<string>();
  for (const stored of records.load()) {
    if (stored.kind === 'corrupt') {
      log.error({ error: stored.error, file: stored.file }, 'set aside a record that cannot be read');
      attempt(() => records.setAside(stored.file), ports);
      continue;
    }
    const { record } = stored;
    accounted.add(mounts.resolve(record.targetPath));
    try {
      if (mounts.isMounted(record.targetPath)) recoverVolume(record, parseSpec, table, ports);
      else await forgetVolume(record, table, ports);
    } catch (error) {
      log.error({ error: error, volume: record.volumeId }, 'cannot recover a volume; it is left as it is');
    }
  }
  for (const target of mounts.list()) {
    if (accounted.has(target)) continue;
    log.warn(
      { targetPath: target },
      'a mounted volume has no record; it is taken over when the kubelet publishes it again',
    );
  }
}

function recoverVolume(
  record: VolumeRecord,
  parseSpec: (source: VolumeSource) => VolumeSpec,
  table: VolumeTable,
  ports: VolumePorts,
): void {
  const spec = parseSpec(record);
  const pending = readPending(spec, ports.files);
  const found = readGeneration(spec, ports.files);
  if (found === undefined) {
    table.set({ state: 'requested', spec, request: pending?.request ?? record.request, key: pending?.key });
    return;
  }
  const renewAt = nextRenewal(spec, found.leaf, found.writtenAt, ports);
  const live = {
    spec,
    request: record.request,
    generation: generationOf(found.leaf),
    renewAt,
    failedRenewals: 0,
  };
  ports.files.removeLeftovers(spec.targetPath);
  if (pending !== undefined && pending.request !== record.request) {
    table.set({ state: 'renewing', ...live, next: pending });
    table.renewAt(spec.volumeId, ports.clock.now());
  } else {
    ports.files.removePending(spec.targetPath);
    table.set({ state: 'live', ...live });
    table.renewAt(spec.volumeId, renewAt);
  }
}

/** A record without its mount: the node was restarted, or the driver was killed at the end of an unpublish. */
async function forgetVolume(record: VolumeRecord, table: VolumeTable, ports: VolumePorts): Promise<void> {
  await ports.mounts.remove(record.targetPath);
  ports.records.remove(record.volumeId);
  const namespace = record.context['csi.storage.k8s.io/pod.namespace'];
  if (namespace !== undefined) table.release(namespace, record.request);
}

function attempt(work: () => void, ports: VolumePorts): void {
  try {
    work();
  } catch (error) {
    ports.log.error({ error: error }, 'cannot set aside a record');
  }
}
