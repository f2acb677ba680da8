import { isKubeError, WorkQueue } from '../../../kube/index.ts';
import type { Clock } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import { issuerKeyText, parseIssuerKey } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { KeptPair, PreviousPairs, SecretKey } from './previous-pairs.ts';

export interface PreviousReaderDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly pairs: Pick<PreviousPairs, 'get' | 'read'>;
  /** It is known now whether a pair lies beside the issuer's Secret. */
  readonly onRead: (key: IssuerKey) => void;
  readonly log: Logger;
}

/** Then the issuer goes on as if there were none: without the old key its requests wait for a minute at most. */
const mostFailures = 3;

/**
 * Finds out for each issuer, when it is first asked for, whether a leader before has left an old pair beside its Secret. By
 * name: the controller may be allowed to read the Secrets of some namespaces only, and one that cannot be read concerns one
 * issuer.
 */
export class PreviousReader {
  readonly #deps: PreviousReaderDependencies;
  readonly #queue: WorkQueue;
  readonly #wanted = new Map<string, SecretKey>();
  readonly #read = new Set<string>();
  readonly #failures = new Map<string, number>();

  constructor(_options: Record<never, never>, deps: PreviousReaderDependencies) {
    this.#deps = deps;
    this.#queue = new WorkQueue(
      { workers: 8, baseDelayMs: 500, maxDelayMs: 5_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (issuer) => this.#reconcile(issuer),
        onError: (issuer, error) => deps.log.warn({ issuer, error }, 'old CA not read, trying again'),
      },
    );
  }

  /** The pair beside this Secret, which the issuer names; 'unread' until {@link PreviousReaderDependencies.onRead}. */
  get(key: IssuerKey, secret: SecretKey): KeptPair | undefined | 'unread' {
    const issuer = issuerKeyText(key);
    if (this.#read.has(issuer)) return this.#deps.pairs.get(secret);
    if (!this.#wanted.has(issuer)) {
      this.#wanted.set(issuer, secret);
      this.#queue.add(issuer);
    }
    return 'unread';
  }

  forget(key: IssuerKey): void {
    const issuer = issuerKeyText(key);
    this.#queue.forget(issuer);
    for (const known of [this.#wanted, this.#read, this.#failures]) known.delete(issuer);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(issuer: string): Promise<void> {
    const secret = this.#wanted.get(issuer);
    if (!secret) return;
    try {
      await this.#deps.pairs.read(secret);
    } catch (error) {
      const failures = (this.#failures.get(issuer) ?? 0) + 1;
      this.#failures.set(issuer, failures);
      if (!isKubeError(error, 'forbidden') && failures < mostFailures) throw error;
      this.#deps.log.warn({ issuer, error }, 'old CA not read: it is as if there were none');
    }
    this.#wanted.delete(issuer);
    this.#failures.delete(issuer);
    this.#read.add(issuer);
    this.#deps.onRead(parseIssuerKey(issuer));
  }
}
