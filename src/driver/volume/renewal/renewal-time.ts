export interface Lifetime {
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * However long before its end a certificate is to be renewed: not sooner after it was issued than this, or than a twentieth
 * of its usable lifetime, or each renewal would be followed by the next at once.
 */
const leastUseMs = 1_000;

/**
 * When to renew, milliseconds since the epoch; in the past when it is already due.
 *
 * The usable lifetime starts when the certificate was issued: a backdated notBefore (a minute against clock skew) would
 * otherwise make a certificate of a minute due at once.
 *
 * @param renewBefore milliseconds before notAfter; ignored when not shorter than the usable lifetime
 * @param random from 0 to 1: brings it forward by up to a tenth of the lifetime, but never by more than half of the wait,
 *   which spreads a fleet that started together
 */
export function renewalTime(
  lifetime: Lifetime,
  issuedAt: number,
  renewBefore: number | undefined,
  random: number,
): number {
  const start = Math.min(Math.max(lifetime.notBefore, issuedAt), lifetime.notAfter);
  const usable = lifetime.notAfter - start;
  const before = renewBefore !== undefined && renewBefore < usable ? renewBefore : usable / 3;
  const leastWait = Math.min(Math.max(leastUseMs, usable / 20), usable / 2);
  const wait = Math.max(usable - before, leastWait);
  return Math.round(start + wait - random * Math.min(usable / 10, wait / 2));
}
