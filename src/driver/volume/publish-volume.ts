import { clearNode } from './abandon-volume.ts';
import { completeSpec } from './complete-spec.ts';
import { renderPlaceholder } from './files/render-placeholder.ts';
import { requestName } from './issuance/request-object.ts';
import { verifyIssued } from './issuance/verify-issued.ts';
import {
  generationOf,
  type IssuedGeneration,
  issueGeneration,
  makeKey,
  nextRenewal,
} from './issue-generation.ts';
import { passwordsOf, savePasswords, withoutPasswords } from './passwords.ts';
import { readPending, savePending } from './pending-request.ts';
import { type ReadGeneration, readGeneration } from './read-generation.ts';
import { withoutTokens, type VolumeRecord } from './state/volume-record.ts';
import { isRetried, toVolumeError, VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import { advance, isServed, type Pending, requestsOf, type Volume } from './volume.ts';
import type { VolumeSource, VolumeTable } from './volumes.ts';

/** A denial stands for so long before another request is made: approvers are people, and policies change. */
const denialStands = 60_000;

/** From nothing, or from what an earlier attempt left, to a volume with a whole generation of files. */
export async function publishVolume(
  spec: VolumeSpec,
  source: VolumeSource,
  signal: AbortSignal,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const passwords = passwordsOf(spec, source);
  const earlier = table.get(spec.volumeId);
  if (earlier?.state === 'refused') repeatRefusal(earlier, ports);
  const isMounted = ports.mounts.isMounted(spec.targetPath);
  const mayBeInUse =
    isMounted &&
    ports.files.writtenAt(spec.targetPath) !== undefined &&
    !ports.mounts.isForeign(spec.targetPath);
  const resumed = resumable(earlier) ?? (isMounted ? readPending(spec, ports.files) : undefined);
  const request = resumed?.request ?? newRequestName(spec, ports);
  table.set({ state: 'requested', spec, request, key: resumed?.key });
  if (earlier !== undefined) releaseRequests(earlier, request, table);
  const recorded = storeRecord(recordOf(source, request), ports);
  // Awaited below; a failure meanwhile is not to end the process.
  recorded.catch(() => {});
  try {
    // Somebody has taken its mount off, and with it the socket that is still open.
    if (earlier !== undefined && isServed(earlier)) await ports.workloadApis?.close(spec.volumeId);
    await ports.mounts.ensure(spec.targetPath, source.seLinuxContext);
    savePasswords(spec, passwords, ports.files);
    const adopted = isMounted ? adopt(spec, ports) : undefined;
    if (adopted === undefined && spec.start === 'without-certificate') {
      await recorded;
      await startWithout(spec, resumed, table, ports);
    } else {
      const issued = adopted ?? (await issue());
      await recorded;
      await ports.workloadApis?.update(spec);
      table.set(advance(stateOf(spec, table), { type: 'issued', request, ...issued }));
      table.renewAt(spec.volumeId, issued.renewAt);
      dropPending(spec, ports);
    }
    ports.subPaths.lookLater(spec.pod);
  } catch (error) {
    await Promise.allSettled([recorded]);
    const failure = toVolumeError(error, 'mount-failed', 'cannot publish the volume');
    if (isRetried(failure.reason) || stateOf(spec, table).state !== 'requested') throw failure;
    if (mayBeInUse) throw leaveAsFound(spec, failure, table, ports);
    await giveUp(spec, failure, table, ports);
    throw failure;
  }

  async function issue(): Promise<IssuedGeneration> {
    await podToBeReady(spec, signal, ports);
    const pending = resumed ?? (await startRequest(spec, request, signal, ports));
    table.set({ state: 'requested', spec, ...pending });
    // Before anything is created, so that a restarted driver knows whose it is.
    await recorded;
    return issueGeneration(completeSpec(spec, ports), pending, signal, ports);
  }
}

/** The container starts now and its certificate comes when it can. */
async function startWithout(
  spec: VolumeSpec,
  resumed: Pending | undefined,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  // What lies there although nobody remembers it stays until something better comes.
  if (ports.files.writtenAt(spec.targetPath) === undefined)
    ports.files.write(spec.targetPath, renderPlaceholder(spec));
  await ports.workloadApis?.update(spec);
  table.set({ state: 'waiting', spec, failedRenewals: 0, next: resumed });
  table.renewAt(spec.volumeId, ports.clock.now());
  const unmet = ports.pods.unmet(spec.pod, spec.gates);
  ports.events.inform(
    spec.pod,
    'CertificatePending',
    `The volume is mounted without a certificate, as its attribute start asks for; ${unmet === undefined ? 'it is requested now' : `it is requested when there is ${unmet}`}.`,
  );
}

/** @throws {VolumeError} `not-issued-yet` when the pod does not have in time what its certificate waits for */
async function podToBeReady(spec: VolumeSpec, signal: AbortSignal, ports: VolumePorts): Promise<void> {
  const unmet = ports.pods.unmet(spec.pod, spec.gates);
  if (unmet === undefined) return;
  try {
    await ports.pods.whenReady(spec.pod, spec.gates, signal);
  } catch (error) {
    const still = ports.pods.unmet(spec.pod, spec.gates) ?? unmet;
    throw new VolumeError('not-issued-yet', `the certificate waits for ${still}`, { cause: error });
  }
}

/** What an earlier call left. Without its key a request is of no use: its certificate could not be read. */
function resumable(earlier: Volume | undefined): Pending | undefined {
  if (earlier?.state !== 'requested' || earlier.key === undefined) return undefined;
  return { request: earlier.request, key: earlier.key };
}

/** A mount that is whole although nobody remembers it: its record was lost. It is kept as it is. */
function adopt(spec: VolumeSpec, ports: VolumePorts): IssuedGeneration | undefined {
  const found = readGeneration(spec, ports.files);
  if (found === undefined || !isAskedFor(spec, found, ports)) return undefined;
  ports.log.info({ volume: spec.volumeId }, 'took over a mounted volume without a record');
  const renewAt = nextRenewal(spec, found.leaf, found.writtenAt, ports);
  return { generation: generationOf(found.leaf, found.trust), renewAt };
}

/** Whether what lies there is this volume's: checked as at its issuance, with the time within its lifetime. */
export function isAskedFor(spec: VolumeSpec, found: ReadGeneration, ports: VolumePorts): boolean {
  const { notBefore, notAfter } = found.leaf;
  const at = Math.max(notBefore.getTime(), Math.min(ports.clock.now(), notAfter.getTime() - 1));
  try {
    // Anchors of a Bundle are those of the volume's peers, and need not be its own issuer's.
    const ca = spec.trust.bundle === undefined ? found.ca : '';
    verifyIssued(spec, found.key, found.certificates, ca, new Date(at));
    return true;
  } catch (error) {
    ports.log.warn(
      { error, volume: spec.volumeId },
      'a mounted volume holds another certificate than is asked for',
    );
    return false;
  }
}

/** The pod has its files: nothing after this may fail the call. */
export function dropPending(spec: VolumeSpec, ports: VolumePorts): void {
  try {
    ports.files.removePending(spec.targetPath);
  } catch (error) {
    ports.log.error({ error, volume: spec.volumeId }, 'cannot remove a request that is no longer pending');
  }
}

async function startRequest(
  spec: VolumeSpec,
  request: string,
  signal: AbortSignal,
  ports: VolumePorts,
): Promise<Pending> {
  const pending = { request, key: await makeKey(spec, signal, ports) };
  ports.mounts.assertMounted(spec.targetPath);
  savePending(spec, pending, ports.files);
  return pending;
}

/**
 * Of a volume that has had files since before this call: a pod may run with them.
 *
 * @returns a failure that the kubelet repeats: after another one it would forget the volume, or take the files from the pod
 */
function leaveAsFound(
  spec: VolumeSpec,
  failure: VolumeError,
  table: VolumeTable,
  ports: VolumePorts,
): VolumeError {
  const requests = requestsOf(stateOf(spec, table));
  dropPending(spec, ports);
  table.delete(spec.volumeId);
  for (const request of requests) table.release(spec.pod.namespace, request);
  return new VolumeError('not-issued-yet', `the volume keeps the files that it has: ${failure.message}`, {
    cause: failure,
  });
}

/** The kubelet forgets the volume after this failure, and so nothing of it may stay on the node. */
async function giveUp(
  spec: VolumeSpec,
  failure: VolumeError,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  await clearNode(spec, ports);
  const refused = advance(stateOf(spec, table), {
    type: 'refused',
    failure,
    at: ports.clock.now(),
  }) as Extract<Volume, { state: 'refused' }>;
  if (
    failure.reason === 'denied' ||
    failure.reason === 'issuance-failed' ||
    failure.reason === 'issued-wrong'
  ) {
    table.set(refused);
  } else {
    table.delete(spec.volumeId);
    table.release(spec.pod.namespace, refused.request);
  }
}

function repeatRefusal(volume: Extract<Volume, { state: 'refused' }>, ports: VolumePorts): void {
  if (volume.failure.reason === 'denied' && ports.clock.now() - volume.at < denialStands) {
    throw new VolumeError(volume.failure.reason, volume.failure.message, { cause: volume.failure });
  }
}

/** Of a volume that starts anew: its requests serve nobody any more. */
function releaseRequests(earlier: Volume, kept: string, table: VolumeTable): void {
  for (const request of requestsOf(earlier)) {
    if (request !== kept) table.release(earlier.spec.pod.namespace, request);
  }
}

export function newRequestName(spec: VolumeSpec, ports: VolumePorts): string {
  return requestName(spec.pod.name, ports.randomHex());
}

export async function storeRecord(record: VolumeRecord, ports: VolumePorts): Promise<void> {
  try {
    await ports.records.save(record);
  } catch (error) {
    throw toVolumeError(error, 'mount-failed', "cannot store the volume's record");
  }
}

export function recordOf(source: VolumeSource, request: string): VolumeRecord {
  const { volumeId, targetPath, mountGroup } = source;
  const context = withoutPasswords(withoutTokens(source.context));
  return {
    version: 1,
    volumeId,
    targetPath,
    context,
    mountGroup,
    request,
  };
}

function stateOf(spec: VolumeSpec, table: VolumeTable): Volume {
  const volume = table.get(spec.volumeId);
  if (volume === undefined)
    throw new Error(`volume ${spec.volumeId} vanished from the table during its own operation`);
  return volume;
}
