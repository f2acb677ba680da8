import { backoffMs } from '../backoff.ts';
import { KubeError } from '../errors.ts';
import { ConnectionError } from './transport.ts';

/** What a second sending of the same call would do. */
export type Repeatable =
  | 'always' // the same as one: reads, replace, delete, apply
  | 'named' // a create with a fixed name: at worst it answers already-exists to its own first sending
  | 'never'; // a create with generateName, a JSON patch

const connectionBackoff = { baseMs: 50, maxMs: 2_000 };

/**
 * How long to wait before the call is sent again, or undefined when its failure is final.
 *
 * @param failures how many sendings failed so far, from 1
 */
export function retryDelayMs(
  error: unknown,
  repeatable: Repeatable,
  failures: number,
  random: () => number,
): number | undefined {
  if (error instanceof ConnectionError) {
    return mayRepeatAfter(error, repeatable) ? backoffMs(failures, connectionBackoff, random) : undefined;
  }
  if (!(error instanceof KubeError)) {
    return undefined;
  }
  // Both say that the call was turned away at the door (API Priority and Fairness, a server that starts or stops).
  const turnedAway = error.status === 429 || error.status === 503;
  if (turnedAway && error.retryAfterMs !== undefined) {
    // The upper part is random: everyone who was turned away got the same number.
    return error.retryAfterMs * (1 + random() / 4);
  }
  const mayPass = error.status === 429 || (error.status !== undefined && error.status >= 502);
  return mayPass && repeatable === 'always' ? backoffMs(failures, connectionBackoff, random) : undefined;
}

function mayRepeatAfter(error: ConnectionError, repeatable: Repeatable): boolean {
  if (!error.transient) {
    return false;
  }
  return error.unsent || repeatable === 'always' || (error.stale && repeatable === 'named');
}
