import { followAddressesOf } from './follow-addresses.ts';
import { generationOf, nextRenewal } from './issue-generation.ts';
import { readPending } from './pending-request.ts';
import { readGeneration } from './read-generation.ts';
import type { VolumeRecord } from './state/volume-record.ts';
import { takenOverRenewal } from './take-over-volume.ts';
import { leaveUnrenewed } from './unrenewed-volume.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeTable } from './volumes.ts';

/** Brings records and mounts together. The trouble of one volume is logged and harms no other. */
export async function recoverVolumes(table: VolumeTable, ports: VolumePorts): Promise<void> {
  const { log, mounts, records } = ports;
  const ours = mounts.list();
  const accounted = new Set<string>();
  for (const stored of records.load()) {
    if (stored.kind === 'corrupt') {
      log.error({ error: stored.error, file: stored.file }, 'set aside a record that cannot be read');
      attempt(() => records.setAside(stored.file), ports);
      continue;
    }
    const { record } = stored;
    const target = mounts.resolve(record.targetPath);
    accounted.add(target);
    try {
      if (mounts.isMounted(record.targetPath)) await recoverVolume(record, ours.has(target), table, ports);
      else await forgetVolume(record, table, ports);
    } catch (error) {
      log.error({ error: error, volume: record.volumeId }, 'cannot recover a volume; it is left as it is');
      if (table.get(record.volumeId) === undefined && hasFiles(record, ports))
        leaveUnrenewed(record, error, table, ports);
    }
  }
  for (const target of ours) {
    if (accounted.has(target)) continue;
    log.warn(
      { targetPath: target },
      'a mounted volume has no record; it is taken over when the kubelet publishes it again',
    );
  }
}

/** @param isOurs whether this driver has made the mount; one that it took over is read-only again for a new process */
async function recoverVolume(
  record: VolumeRecord,
  isOurs: boolean,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  if (!isOurs) await ports.mounts.takeOver(record.targetPath);
  const spec = ports.parseSpec({ ...record, secrets: {}, seLinuxContext: undefined });
  const pending = readPending(spec, ports.files);
  const found = readGeneration(spec, ports.files);
  // Without its placeholder the kubelet was not told yet that it is there, and calls again.
  const startsWithout =
    spec.start === 'without-certificate' && ports.files.writtenAt(spec.targetPath) !== undefined;
  if (found === undefined && (!isOurs || startsWithout)) {
    table.set({ state: 'waiting', spec, failedRenewals: 0, next: pending });
    table.renewAt(spec.volumeId, ports.clock.now());
    await ports.workloadApis?.update(spec);
    return;
  }
  if (found === undefined) {
    table.set({ state: 'requested', spec, request: pending?.request ?? record.request, key: pending?.key });
    return;
  }
  const renewAt = isOurs
    ? nextRenewal(spec, found.leaf, found.writtenAt, ports)
    : takenOverRenewal(spec, found, ports);
  const live = {
    spec,
    request: record.request,
    generation: generationOf(found.leaf, found.trust),
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
    followAddressesOf(found, spec, table, ports);
  }
  // Last: without it the volume is as good for those who read files.
  await ports.workloadApis?.update(spec);
}

/** A record without its mount: the node was restarted, or the driver was killed at the end of an unpublish. */
async function forgetVolume(record: VolumeRecord, table: VolumeTable, ports: VolumePorts): Promise<void> {
  await ports.mounts.remove(record.targetPath);
  ports.records.remove(record.volumeId);
  const namespace = record.context['csi.storage.k8s.io/pod.namespace'];
  if (namespace !== undefined) table.release(namespace, record.request);
}

function hasFiles({ targetPath }: VolumeRecord, { files, mounts }: VolumePorts): boolean {
  try {
    return mounts.isMounted(targetPath) && files.writtenAt(targetPath) !== undefined;
  } catch {
    return false;
  }
}

function attempt(work: () => void, ports: VolumePorts): void {
  try {
    work();
  } catch (error) {
    ports.log.error({ error: error }, 'cannot set aside a record');
  }
}
