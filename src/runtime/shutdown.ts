import type { EventEmitter } from 'node:events';
import type { Clock, Timer } from '../kube/clock.ts';
import type { Logger } from './log.ts';

/** What a program's signal aborts with when it is told to end. */
export class ShutdownError extends Error {
  override readonly name = 'ShutdownError';
}

export interface ShutdownOptions {
  /** What the work in hand gets to end by itself; 10 s when not set. */
  readonly graceMs?: number;
}

export interface ShutdownDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where 'SIGTERM' and 'SIGINT' come from: the process. */
  readonly signals: Pick<EventEmitter, 'on' | 'removeListener'>;
}

/** How a program ended, as its exit code: in order, failed or out of time, or by a second signal. */
export type ExitCode = 0 | 1 | 130;

/**
 * Runs a program until it ends by itself or a signal comes, which aborts what it was given. Then it has the grace
 * period to end its work; a second signal cuts it short.
 *
 * @returns the code for process.exit, which the caller should use: out of time, handles may be left open
 */
export async function runUntilSignal(
  run: (signal: AbortSignal) => Promise<void>,
  options: ShutdownOptions,
  deps: ShutdownDependencies,
): Promise<ExitCode> {
  const { clock, log, signals } = deps;
  const graceMs = options.graceMs ?? 10_000;
  const controller = new AbortController();
  const cut = Promise.withResolvers<ExitCode>();
  let timer: Timer | undefined;

  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      log.warn({ signal: name }, 'ended at once by a second signal');
      cut.resolve(130);
      return;
    }
    log.info({ signal: name }, 'shutting down');
    timer = clock.setTimer(() => {
      log.error({ durationMs: graceMs }, 'work did not end in time, ended without it');
      cut.resolve(1);
    }, graceMs);
    controller.abort(new ShutdownError(`ended by ${name}`));
  };
  signals.on('SIGTERM', onSignal);
  signals.on('SIGINT', onSignal);
  try {
    return await Promise.race([settle(run, controller.signal, log), cut.promise]);
  } finally {
    timer?.cancel();
    signals.removeListener('SIGTERM', onSignal);
    signals.removeListener('SIGINT', onSignal);
  }
}

async function settle(
  run: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  log: Logger,
): Promise<ExitCode> {
  try {
    await run(signal);
    return 0;
  } catch (error) {
    if (signal.aborted && isShutdown(error)) return 0;
    log.error({ error }, 'ended by an error');
    return 1;
  }
}

/** Whether an error only says that the program was told to end, however deep that is wrapped. */
function isShutdown(error: unknown): boolean {
  if (error instanceof ShutdownError) return true;
  return error instanceof Error && isShutdown(error.cause);
}
