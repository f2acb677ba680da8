import { type Clock, sleep } from './clock.ts';
import { isKubeError, isOutdated } from './errors.ts';
import { type Lease, leases, type LeaseSpec, microTime } from './lease.ts';
import type { ResourceType } from './object.ts';
import type { Resource } from './resource.ts';
import { Rival, Term } from './term.ts';

export interface LeaderElectorOptions {
  readonly namespace: string;
  readonly name: string;
  /** Ours and nobody else's, not even of another process in the same pod: the pod's name and something random. */
  readonly identity: string;
  /** How long others wait before they take over a lease that is no longer renewed; 15 s by default. */
  readonly leaseDurationMs?: number | undefined;
  /** How long after the last renewal the work stops; 10 s by default. The rest is for it to wind up. */
  readonly renewDeadlineMs?: number | undefined;
  /** 2 s by default. */
  readonly retryPeriodMs?: number | undefined;
}

export interface LeaderElectorDependencies {
  readonly client: { resource(type: ResourceType<Lease>): LeaseResource };
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of each new holder; '' when the lease was released, or lost to nobody known. */
  readonly onChange?: ((change: { readonly holder: string; readonly leading: boolean }) => void) | undefined;
  /** Calls that failed; the elector goes on. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

type LeaseResource = Pick<Resource<Lease>, 'find' | 'create' | 'replace'>;
type Lead = (signal: AbortSignal) => Promise<void>;

/**
 * Has one of several processes do the work, by a Lease.
 *
 * No two machines' clocks are ever compared: whether another's lease ran out is judged by how long it was seen unchanged
 * here, and our own counts from before its renewal was sent.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #deps: LeaderElectorDependencies;
  readonly #leases: LeaseResource;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #holder: string | undefined;
  /** When a call last brought an answer. */
  #heardAt: number | undefined;

  constructor(options: LeaderElectorOptions, deps: LeaderElectorDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#leases = deps.client.resource(leases);
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.#renewDeadlineMs >= this.#leaseDurationMs || this.#retryPeriodMs >= this.#renewDeadlineMs) {
      throw new RangeError('leader election: lease duration > renew deadline > retry period must hold');
    }
  }

  /** True while the lease is surely ours. */
  get leading(): boolean {
    return this.#holder === this.#options.identity;
  }

  /** Who leads, '' for nobody known; undefined when nothing was heard of the lease for as long as it lasts. */
  get holder(): string | undefined {
    // A clock that was set back or a machine that was suspended: nothing is known until the next call.
    const ageMs = Math.abs(this.#deps.clock.now() - (this.#heardAt ?? -Infinity));
    return ageMs < this.#leaseDurationMs ? this.#holder : undefined;
  }

  /**
   * Waits to become the leader, then calls lead. Its signal aborts when this signal does, and before the lease could be
   * another's; lead then has to end. After a lost lease it is called again with the next one. When lead ends by itself,
   * so does this, with the same outcome. The lease is renewed for as long as lead takes to end, and released then.
   */
  async run(signal: AbortSignal, lead: Lead): Promise<void> {
    while (!signal.aborted) {
      const term = await this.#acquire(signal);
      if (term === undefined) {
        return;
      }
      this.#report(this.#options.identity);
      let released = false;
      try {
        await this.#work(term, signal, lead);
      } finally {
        released = await this.#release(term);
      }
      if (released) {
        return;
      }
    }
  }

  /** @returns undefined when the signal aborted first */
  async #acquire(signal: AbortSignal): Promise<Term | undefined> {
    const { clock, random, onError } = this.#deps;
    const rival = new Rival(clock);
    try {
      while (!signal.aborted) {
        const term = new Term(clock, this.#renewDeadlineMs);
        try {
          if (await this.#tryAcquire(term, rival, signal)) {
            return term;
          }
        } catch (error) {
          if (!signal.aborted && !isKubeError(error, 'conflict', 'already-exists')) {
            onError?.(error);
          }
        }
        await sleep(clock, this.#retryPeriodMs * (1 + random() / 5), signal).catch(() => {});
      }
      return undefined;
    } finally {
      rival.stop();
    }
  }

  async #tryAcquire(term: Term, rival: Rival, signal: AbortSignal): Promise<boolean> {
    const present = await this.#read(signal);
    const holder = present?.spec?.holderIdentity ?? '';
    if (present !== undefined && holder !== '' && holder !== this.#options.identity) {
      this.#report(holder);
      const seconds = present.spec?.leaseDurationSeconds;
      const durationMs = seconds === undefined ? this.#leaseDurationMs : seconds * 1000;
      if (!rival.ranOut(present.metadata.resourceVersion, durationMs)) {
        return false;
      }
    }
    // Not with the signal: a write whose fate is unknown could leave the others waiting for a holder that is gone.
    await term.extend(() => this.#write(present, this.#nextSpec(present)));
    return !term.over;
  }

  /** Calls lead, and renews the lease until it has ended. */
  async #work(term: Term, signal: AbortSignal, lead: Lead): Promise<void> {
    const work = new AbortController();
    const ended = new AbortController();
    const onAbort = (): void => work.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    term.onOver = () => {
      this.#report('');
      work.abort(new Error(`lease ${this.#options.namespace}/${this.#options.name}: not renewed in time`));
    };
    if (signal.aborted) {
      onAbort();
    }
    const renewing = this.#renew(term, ended.signal);
    try {
      await lead(work.signal);
    } catch (error) {
      if (!work.signal.aborted) {
        throw error;
      }
      if (error !== work.signal.reason && !isKubeError(error, 'aborted')) {
        this.#deps.onError?.(error);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      ended.abort();
      await renewing;
    }
  }

  async #renew(term: Term, ended: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#deps.clock, this.#retryPeriodMs, ended).catch(() => {});
      if (ended.aborted || term.over) {
        return;
      }
      try {
        await term.extend(() => this.#write(term.lease, this.#nextSpec(term.lease)));
      } catch (error) {
        await this.#renewalFailed(term, error);
      }
    }
  }

  async #renewalFailed(term: Term, error: unknown): Promise<void> {
    if (!isOutdated(error)) {
      this.#deps.onError?.(error);
      return;
    }
    try {
      // A conflict is also what a renewal meets when the one before it was written but its answer lost.
      const present = await this.#read();
      if (present?.spec?.holderIdentity === this.#options.identity) {
        term.lease = present;
      } else {
        term.lose();
      }
    } catch (readError) {
      this.#deps.onError?.(readError);
    }
  }

  /** @returns false when it was lost before */
  async #release(term: Term): Promise<boolean> {
    const held = !term.over;
    term.onOver = undefined;
    term.stop();
    if (held) {
      const now = microTime(this.#deps.clock.now());
      const released = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
      await this.#write(term.lease, { ...term.lease?.spec, ...released }).catch((error: unknown) => {
        this.#deps.onError?.(error);
      });
      this.#report('');
    }
    return held;
  }

  #nextSpec(present: Lease | undefined): LeaseSpec {
    const { identity } = this.#options;
    const now = microTime(this.#deps.clock.now());
    const spec = present?.spec ?? {};
    const mine = spec.holderIdentity === identity;
    return {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime: mine ? (spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (spec.leaseTransitions ?? 0) + (mine || present === undefined ? 0 : 1),
    };
  }

  async #read(signal?: AbortSignal): Promise<Lease | undefined> {
    const { namespace, name } = this.#options;
    return this.#heard(await this.#leases.find({ namespace, name }, { ...this.#callOptions(), signal }));
  }

  /** Replaces exactly the lease that was seen, or creates the first one. */
  async #write(present: Lease | undefined, spec: LeaseSpec): Promise<Lease> {
    const { namespace, name } = this.#options;
    const written =
      present === undefined
        ? this.#leases.create({ metadata: { namespace, name }, spec }, this.#callOptions())
        : this.#leases.replace({ ...present, spec }, this.#callOptions());
    return this.#heard(await written);
  }

  #heard<T>(answer: T): T {
    this.#heardAt = this.#deps.clock.now();
    return answer;
  }

  /** One attempt, that leaves time for another before the term is over. */
  #callOptions(): { retry: boolean; timeoutMs: number } {
    return { retry: false, timeoutMs: this.#renewDeadlineMs / 2 };
  }

  #report(holder: string): void {
    if (holder !== this.#holder) {
      this.#holder = holder;
      this.#deps.onChange?.({ holder, leading: this.leading });
    }
  }
}
