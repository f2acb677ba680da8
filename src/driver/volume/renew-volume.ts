import { backoffMs } from '../../kube/index.ts';
import { completeSpec, dependsOnAddresses } from './complete-spec.ts';
import { followAddresses } from './follow-addresses.ts';
import { issueGeneration, makeKey } from './issue-generation.ts';
import { savePending } from './pending-request.ts';
import { newRequestName } from './publish-volume.ts';
import { isKeyOf, readGeneration } from './read-generation.ts';
import { serveWorkloadApi } from './serve-workload-api.ts';
import { isRetried, toVolumeError, VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import { advance, isServed, type LiveVolume, type Pending, pendingOf, type ServedVolume } from './volume.ts';
import type { VolumeTable } from './volumes.ts';
import { withTimeLimit } from './with-time-limit.ts';

/** An attempt waits for so long before it makes way; the next one goes on with the same request. */
const attemptMs = 30_000;
const firstRetryMs = 5_000;
const lastRetryMs = 300_000;

/** One attempt to give a volume that is served its next files, or its first. A failure changes nothing that the pod sees. */
export async function renewVolume(
  volumeId: string,
  signal: AbortSignal,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const volume = table.get(volumeId);
  if (volume === undefined || !isServed(volume)) return;
  try {
    const unmet = await missingOfPod(volume.spec, signal, ports);
    if (unmet !== undefined) return waitForPod(volume, unmet, table, ports);
    const ips = dependsOnAddresses(volume.spec) ? ports.pods.ips(volume.spec.pod) : [];
    const spec = completeSpec(volume.spec, ports);
    const next = pendingOf(volume) ?? (await startRenewal(volume, signal, table, ports));
    const { generation, renewAt } = await withTimeLimit(attemptMs, signal, ports, (limited) =>
      issueGeneration(spec, next, limited, ports),
    );
    const renewed = advance(volume, {
      type: 'issued',
      request: next.request,
      generation,
      renewAt,
    }) as LiveVolume;
    table.set(renewed);
    if (volume.state === 'waiting') informOfFirst(renewed, ports);
    else table.release(spec.pod.namespace, volume.request);
    ports.metrics.renewal('renewed');
    await serveWorkloadApi(renewed.spec, ports);
    await settle(renewed, ports);
    // Last: a renewal that came due while this one is not over would be taken for this one.
    table.renewAt(volumeId, renewAt);
    followAddresses(renewed.spec, ips, table, ports);
  } catch (error) {
    if (signal.aborted) throw error;
    retryLater(toVolumeError(error, 'mount-failed', 'cannot renew the volume'), volumeId, table, ports);
  }
}

/** What the pod still lacks, for people to read. After a restart that is not known at once. */
async function missingOfPod(
  { gates, pod }: VolumeSpec,
  signal: AbortSignal,
  ports: VolumePorts,
): Promise<string | undefined> {
  if (gates.length === 0) return undefined;
  await withTimeLimit(attemptMs, signal, ports, (limited) => ports.pods.whenSynced(limited));
  return ports.pods.unmet(pod, gates);
}

/** The attempt begins anew when the pod has what is missing, however long that takes. */
function waitForPod(volume: ServedVolume, unmet: string, table: VolumeTable, ports: VolumePorts): void {
  const { gates, pod, volumeId } = volume.spec;
  table.renewWhen(volumeId, (signal) => ports.pods.whenReady(pod, gates, signal));
  if (volume.state === 'waiting') return;
  // Told of again from time to time: a gate that closed for good lets the certificate expire.
  table.renewAt(volumeId, ports.clock.now() + lastRetryMs);
  const failure = new VolumeError('not-issued-yet', `the renewal waits for ${unmet}`);
  tellOfFailure(volume, failure, lastRetryMs, ports);
}

async function startRenewal(
  volume: ServedVolume,
  signal: AbortSignal,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<Pending> {
  const { spec } = volume;
  const kept = spec.key.reuse ? readGeneration(spec, ports.files)?.key : undefined;
  const key = kept !== undefined && isKeyOf(spec, kept) ? kept : await makeKey(spec, signal, ports);
  const next = { request: newRequestName(spec, ports), key };
  ports.mounts.assertMounted(spec.targetPath);
  savePending(spec, next, ports.files);
  // The anchors may have changed while the key was made.
  table.set(advance(table.get(spec.volumeId) ?? volume, { type: 'renewal-started', next }));
  return next;
}

function informOfFirst({ generation, spec }: LiveVolume, ports: VolumePorts): void {
  ports.events.inform(
    spec.pod,
    'CertificateIssued',
    `The volume has its first certificate, which lives until ${new Date(generation.notAfter).toISOString()}.`,
  );
}

function retryLater(failure: VolumeError, volumeId: string, table: VolumeTable, ports: VolumePorts): void {
  const volume = table.get(volumeId);
  if (volume === undefined || !isServed(volume)) return;
  const { spec } = volume;
  const next = pendingOf(volume);
  const goesOn = next !== undefined && isRetried(failure.reason);
  const failed = advance(volume, { type: goesOn ? 'renewal-delayed' : 'renewal-refused' }) as ServedVolume;
  table.set(failed);
  if (next !== undefined && !goesOn) table.release(spec.pod.namespace, next.request);
  const now = ports.clock.now();
  const backoff = { baseMs: firstRetryMs, maxMs: longestRetryMs(failed, now) };
  const wait = backoffMs(failed.failedRenewals, backoff, ports.random);
  table.renewAt(volumeId, now + wait);
  if (goesOn) renewWhenAnswered(failed, next.request, table, ports);
  ports.metrics.renewal(failure.reason);
  ports.log.warn(
    {
      error: failure,
      volume: volumeId,
      pod: `${spec.pod.namespace}/${spec.pod.name}`,
      retryInMs: Math.round(wait),
    },
    'renewal failed',
  );
  tellOfFailure(failed, failure, wait, ports);
}

/** Shorter near the end of the certificate: an attempt that succeeds is to come before it, or soon after. */
function longestRetryMs(volume: ServedVolume, now: number): number {
  if (volume.state === 'waiting') return lastRetryMs;
  const distance = Math.abs(volume.generation.notAfter - now);
  return Math.min(lastRetryMs, Math.max(firstRetryMs, distance / 10));
}

/** An answer that comes between two attempts is taken at once. */
function renewWhenAnswered(
  volume: ServedVolume,
  request: string,
  table: VolumeTable,
  ports: VolumePorts,
): void {
  const { spec } = volume;
  // One that follows the addresses of its pod goes on waiting for those.
  if (volume.state !== 'waiting' && dependsOnAddresses(spec)) return;
  const key = { namespace: spec.pod.namespace, name: request };
  // What fails although there is an answer would fail again at once.
  if (ports.issuance.isAnswered(key)) return;
  table.renewWhen(spec.volumeId, (signal) => ports.issuance.whenAnswered(key, signal));
}

function tellOfFailure(volume: ServedVolume, failure: VolumeError, wait: number, ports: VolumePorts): void {
  const { pod } = volume.spec;
  const retry = `the next attempt is in ${Math.round(wait / 1000)} s`;
  if (volume.state === 'waiting') {
    ports.events.warn(
      pod,
      'CertificateRenewalFailed',
      `${failure.message}. There is no certificate yet; ${retry}.`,
    );
    return;
  }
  const expiry = new Date(volume.generation.notAfter).toISOString();
  if (volume.generation.notAfter <= ports.clock.now()) {
    ports.events.warn(
      pod,
      'CertificateExpired',
      `The certificate expired at ${expiry} and could not be renewed: ${failure.message}`,
    );
  } else {
    ports.events.warn(
      pod,
      'CertificateRenewalFailed',
      `${failure.message}. The present certificate lives until ${expiry}; ${retry}.`,
    );
  }
}

/** The files are the pod's by now: what fails here is resumed or repeated by the next start. */
async function settle(volume: LiveVolume, ports: VolumePorts): Promise<void> {
  const { targetPath, volumeId } = volume.spec;
  try {
    await ports.records.update(volumeId, { request: volume.request });
    // After the record: while it names the earlier request, the pending one is resumed.
    ports.files.removePending(targetPath);
  } catch (error) {
    ports.log.error({ error, volume: volumeId }, "cannot store the volume's record");
  }
}
