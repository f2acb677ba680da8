import { dependsOnAddresses } from './complete-spec.ts';
import { followAddressesOf } from './follow-addresses.ts';
import { generationOf, nextRenewal } from './issue-generation.ts';
import { passwordsOf, savePasswords } from './passwords.ts';
import { dropPending, isAskedFor, newRequestName, recordOf, storeRecord } from './publish-volume.ts';
import { type ReadGeneration, readGeneration } from './read-generation.ts';
import { serveWorkloadApi } from './serve-workload-api.ts';
import { isRetried, toVolumeError, VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { VolumeSource, VolumeTable } from './volumes.ts';

/**
 * Goes on with a volume that another driver of the same name has mounted for a pod that runs: its files stay as they are,
 * and from now on this driver renews them. What cannot be taken over stays too, and the call answers OK: the pod has its
 * files, and an error would have the kubelet take them away.
 *
 * @throws {VolumeError} only of a kind that the kubelet repeats
 */
export async function takeOverVolume(
  spec: VolumeSpec,
  source: VolumeSource,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  try {
    await takeOver(spec, source, table, ports);
  } catch (error) {
    const failure = toVolumeError(error, 'mount-failed', 'cannot take over the volume');
    if (isRetried(failure.reason)) throw failure;
    const notAfter = readGeneration(spec, ports.files)?.leaf.notAfter.getTime();
    table.leaveUnrenewed({ volumeId: spec.volumeId, notAfter });
    ports.log.error({ error: failure, volume: spec.volumeId }, 'a volume of another driver is not renewed');
    ports.events.warn(
      spec.pod,
      'VolumeNotRenewed',
      `The volume was made by another driver and nobody renews it: ${failure.message}. The pod keeps its files; replace it before they expire.`,
    );
    return;
  }
  ports.log.info({ volume: spec.volumeId }, 'took over a volume of another driver');
  ports.subPaths.lookLater(spec.pod);
}

/**
 * When a volume that was taken over is renewed: at once where its certificate is not what it asks for, at its time
 * otherwise. Milliseconds since the epoch.
 */
export function takenOverRenewal(spec: VolumeSpec, found: ReadGeneration, ports: VolumePorts): number {
  // Names with the pod's addresses are compared when these are known.
  return dependsOnAddresses(spec) || isAskedFor(spec, found, ports)
    ? nextRenewal(spec, found.leaf, found.writtenAt, ports)
    : ports.clock.now();
}

/** Each step may be the last of this process: until the record is there the next call does all of it again. */
async function takeOver(
  spec: VolumeSpec,
  source: VolumeSource,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const { files, mounts } = ports;
  refuseOtherLayout(spec, ports);
  await mounts.takeOver(spec.targetPath);
  savePasswords(spec, passwordsOf(spec, source), files);
  const request = newRequestName(spec, ports);
  await storeRecord(recordOf(source, request), ports);
  const found = readGeneration(spec, files);
  if (found === undefined) {
    // Its pod runs all the same: without a certificate that can be read it waits for one.
    table.set({ state: 'waiting', spec, failedRenewals: 0, next: undefined });
    table.renewAt(spec.volumeId, ports.clock.now());
  } else {
    const generation = generationOf(found.leaf, found.trust);
    const renewAt = takenOverRenewal(spec, found, ports);
    table.set({ state: 'live', spec, request, generation, renewAt, failedRenewals: 0 });
    table.renewAt(spec.volumeId, renewAt);
    followAddressesOf(found, spec, table, ports);
  }
  dropPending(spec, ports);
  await serveWorkloadApi(spec, ports);
}

/** The next write would take from the pod what it reads under another name. */
function refuseOtherLayout({ files: layout, keystores, targetPath }: VolumeSpec, ports: VolumePorts): void {
  const { jks, password, pkcs12 } = keystores ?? {};
  const names = [
    ...Object.values(layout),
    ...[pkcs12, jks].flatMap((store) => [store?.keystore, store?.truststore]),
    password?.from === 'file' ? password.file : undefined,
  ].filter((name) => typeof name === 'string');
  const [other] = ports.files.notReplaced(targetPath, new Set(names));
  if (other !== undefined)
    throw new VolumeError(
      'mount-failed',
      `it has ${JSON.stringify(other)}, which this driver would not write; it would write ${names.join(', ')}`,
    );
}
