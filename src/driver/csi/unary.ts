import { type handleUnaryCall, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Clock } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import { VolumeError } from '../volume/volume-error.ts';
import { toGrpcFailure } from './grpc-status.ts';

export interface UnaryDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly observe: (method: string, code: string, seconds: number) => void;
}

export interface UnaryOptions {
  readonly method: string;
  /** Calls that come every few seconds are logged at debug. */
  readonly quiet: boolean;
}

/** Time that is kept back of a call's deadline, so that the answer still reaches the caller. */
const answerMs = 1_000;
/**
 * The kubelet's deadline is two minutes, in which it tells nobody what it waits for and cannot let go of a deleted pod. An
 * answer after half a minute becomes an Event of the pod, and the next call goes on where this one ended.
 */
const longestCallMs = 30_000;

/**
 * A handler as a promise with an AbortSignal. The signal aborts shortly before the caller's deadline and when the caller goes
 * away; its reason is a VolumeError.
 */
export function unary<Request, Response>(
  options: UnaryOptions,
  dependencies: UnaryDependencies,
  handle: (request: Request, signal: AbortSignal) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const started = performance.now();
    const abort = new AbortController();
    const timer = dependencies.clock.setTimer(
      () => abort.abort(new VolumeError('not-issued-yet', 'the deadline of the call is reached')),
      remainingMs(call, dependencies.clock),
    );
    call.on('cancelled', () => abort.abort(new VolumeError('cancelled', 'the caller went away')));
    void answer();

    async function answer(): Promise<void> {
      try {
        callback(null, await handle(call.request, abort.signal));
        report(options, dependencies, started, undefined);
      } catch (error) {
        callback(toGrpcFailure(error));
        report(options, dependencies, started, error);
      } finally {
        timer.cancel();
      }
    }
  };
}

function remainingMs(call: ServerUnaryCall<unknown, unknown>, clock: Clock): number {
  const deadline = call.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  const remaining = Number.isFinite(at) ? at - clock.now() : longestCallMs;
  // A short deadline keeps a tenth back instead.
  return Math.max(0, Math.min(remaining, longestCallMs) - Math.min(answerMs, remaining / 10));
}

function report(
  options: UnaryOptions,
  dependencies: UnaryDependencies,
  started: number,
  error: unknown,
): void {
  const durationMs = Math.round(performance.now() - started);
  const code = error === undefined ? 'OK' : status[toGrpcFailure(error).code];
  dependencies.observe(options.method, code, durationMs / 1000);
  const fields = { method: options.method, grpcCode: code, durationMs };
  if (error !== undefined) dependencies.log.warn({ ...fields, error }, 'call failed');
  else if (options.quiet) dependencies.log.debug(fields, 'call answered');
  else dependencies.log.info(fields, 'call answered');
}
