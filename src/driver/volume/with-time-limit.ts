import { VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';

/** Works under a signal that aborts with `not-issued-yet` when the time is over, or with the other one's reason before. */
export async function withTimeLimit<T>(
  limitMs: number,
  signal: AbortSignal,
  ports: Pick<VolumePorts, 'clock'>,
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
