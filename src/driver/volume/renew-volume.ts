import { backoffMs } from '../../kube/index.ts';
import { issueGeneration, makeKey } from './issue-generation.ts';
import { savePending } from './pending-request.ts';
import { newRequestName } from './publish-volume.ts';
import { isKeyOf, readGeneration } from './read-generation.ts';
import { isRetried, toVolumeError, VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import { advance, isLive, type LiveVolume, type Pending } from './volume.ts';
import type { VolumeTable } from './volumes.ts';

/** An attempt waits for so long before it makes way; the next one goes on with the same request. */
const attemptMs = 30_000;
const firstRetryMs = 5_000;
const lastRetryMs = 300_000;

/** One attempt to replace the files of a live volume. A failure changes nothing that the pod sees. */
export async function renewVolume(
  volumeId: string,
  signal: AbortSignal,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<void> {
  const volume = table.get(volumeId);
  if (volume === undefined || !isLive(volume)) return;
  const { spec } = volume;
  try {
    const next = volume.state === 'renewing' ? volume.next : await startRenewal(volume, signal, table, ports);
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
    table.release(spec.pod.namespace, volume.request);
    ports.metrics.renewal('renewed');
    await settle(renewed, ports);
    // Last: a renewal that came due while this one is not over would be taken for this one.
    table.renewAt(volumeId, renewAt);
  } catch (error) {
    if (signal.aborted) throw error;
    retryLater(toVolumeError(error, 'mount-failed', 'cannot renew the volume'), volumeId, table, ports);
  }
}

async function startRenewal(
  volume: LiveVolume,
  signal: AbortSignal,
  table: VolumeTable,
  ports: VolumePorts,
): Promise<Pending> {
  const { spec } = volume;
  const kept = spec.key.reuse ? readGeneration(spec, ports.files)?.key : undefined;
  const key = kept !== undefined && isKeyOf(spec, kept) ? kept : await makeKey(spec, signal, ports);
  const next = { request: newRequestName(spec, ports), key };
  savePending(spec, next, ports.files);
  table.set(advance(volume, { type: 'renewal-started', next }));
  return next;
}

function retryLater(failure: VolumeError, volumeId: string, table: VolumeTable, ports: VolumePorts): void {
  const volume = table.get(volumeId);
  if (volume === undefined || !isLive(volume)) return;
  const { spec, generation } = volume;
  const goesOn = volume.state === 'renewing' && isRetried(failure.reason);
  const failed = advance(volume, { type: goesOn ? 'renewal-delayed' : 'renewal-refused' }) as LiveVolume;
  table.set(failed);
  if (volume.state === 'renewing' && !goesOn) table.release(spec.pod.namespace, volume.next.request);
  const wait = backoffMs(failed.failedRenewals, { baseMs: firstRetryMs, maxMs: lastRetryMs }, ports.random);
  const now = ports.clock.now();
  table.renewAt(volumeId, now + wait);
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
  const expiry = new Date(generation.notAfter).toISOString();
  if (generation.notAfter <= now) {
    ports.events.warn(
      spec.pod,
      'CertificateExpired',
      `The certificate expired at ${expiry} and could not be renewed: ${failure.message}`,
    );
  } else {
    ports.events.warn(
      spec.pod,
      'CertificateRenewalFailed',
      `${failure.message}. The present certificate lives until ${expiry}; the next attempt is in ${Math.round(wait / 1000)} s.`,
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

async function withTimeLimit<T>(
  limitMs: number,
  signal: AbortSignal,
  ports: VolumePorts,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limited = new AbortController();
  const follow = (): void => limited.abort(signal.reason);
  signal.addEventListener('abort', follow, { once: true });
  // It aborted while the key was made: no event comes any more.
  if (signal.aborted) follow();
  const timer = ports.clock.setTimer(
    () => limited.abort(new VolumeError('not-issued-yet', 'not issued in time')),
    limitMs,
  );
  try {
    return await work(limited.signal);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', follow);
  }
}
