import { setImmediate } from 'node:timers/promises';
import { type Clock, WorkQueue } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { DriverMetrics } from '../metrics.ts';
import type { PodEvents } from '../volume/pod-events.ts';
import { isLive, type LiveVolume } from '../volume/volume.ts';
import type { Volumes } from '../volume/volumes.ts';
import type { AnchorSets } from './anchor-sets.ts';
import { behindSince, isBehind } from './coverage.ts';
import { isConcernedBy, issuerSource, sourcesOf } from './volume-anchors.ts';

export interface TrustKeeperDependencies {
  readonly volumes: Pick<Volumes, 'all' | 'get' | 'retrust' | 'renewBy'>;
  readonly anchors: Pick<AnchorSets, 'state' | 'find' | 'presentHash' | 'isCurrent' | 'subscribe'>;
  /** Told whenever the anchors of a volume may have changed. */
  readonly onChange: () => void;
  readonly events: Pick<PodEvents, 'warn'>;
  readonly metrics: Pick<DriverMetrics, 'swap'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** The pod is told of what fails for the third time in a row: the first two are within two seconds. */
const failuresUntilTold = 3;
/** In turns of the event loop: one after the other is as fast, and the kubelet's calls come between. */
const workers = 2;
/** Clocks of issuer and node may differ by so much. */
const clockSkewMs = 5 * 60_000;
const retry = { baseDelayMs: 500, maxDelayMs: 60_000 };

/** Brings each change of anchors to the volumes that are to have them, and each volume to its anchors. */
export class TrustKeeper {
  readonly #deps: TrustKeeperDependencies;
  readonly #queue: WorkQueue;
  readonly #failures = new Map<string, number>();
  /** By volume, up to when its issuer wanted certificates renewed for which one was planned. */
  readonly #reissued = new Map<string, number>();

  constructor(_options: Record<never, never>, dependencies: TrustKeeperDependencies) {
    this.#deps = dependencies;
    const { anchors, clock, random } = dependencies;
    this.#queue = new WorkQueue(
      { workers, ...retry },
      {
        clock,
        random,
        reconcile: (volumeId, signal) => this.#keep(volumeId, signal),
        onError: (volumeId, error, retryInMs) => this.#failed(volumeId, error, retryInMs),
      },
    );
    anchors.subscribe((source) => this.#look(source));
  }

  /** An operation on the volume has ended. */
  settled(volumeId: string): void {
    this.#queue.add(volumeId);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#look(undefined);
    await this.#queue.run(signal);
  }

  /** Volumes that lack the present anchors. */
  behind(): number {
    const { anchors, volumes } = this.#deps;
    return [...volumes.all()].filter((volume) => isLive(volume) && isBehind(volume, anchors)).length;
  }

  #look(source: string | undefined): void {
    for (const volume of this.#deps.volumes.all()) {
      if (!isLive(volume)) continue;
      if (source === undefined || isConcernedBy(volume.spec, source)) this.#queue.add(volume.spec.volumeId);
    }
    this.#report();
  }

  async #keep(volumeId: string, signal: AbortSignal): Promise<void> {
    const { volumes } = this.#deps;
    await setImmediate();
    const volume = volumes.get(volumeId);
    if (volume === undefined || !isLive(volume)) return this.#forget(volumeId);
    this.#retrust(volume);
    this.#reissue(volume);
    this.#report();
    await this.#leaveSetAlone(volumeId, signal);
    this.#failures.delete(volumeId);
  }

  /**
   * What came with a certificate beside the set is needed while the node has not heard of it, and no longer: it may have
   * been taken from the set while the certificate was on its way.
   */
  async #leaveSetAlone(volumeId: string, signal: AbortSignal): Promise<void> {
    const { anchors, volumes } = this.#deps;
    const volume = volumes.get(volumeId);
    if (volume === undefined || !isLive(volume) || volume.generation.trust?.own?.hasMore !== true) return;
    const [source] = sourcesOf(volume.spec);
    // Where the set has changed, the watch brings it, and with it an end to the rest.
    if (source !== undefined && (await anchors.isCurrent(source, signal))) volumes.retrust(volumeId);
  }

  #retrust(volume: LiveVolume): void {
    const { anchors, clock, metrics, volumes } = this.#deps;
    const since = behindSince(volume, anchors);
    if (since === undefined) return;
    if (volumes.retrust(volume.spec.volumeId) === 'written')
      metrics.swap('swapped', (clock.now() - since) / 1000);
  }

  /** Spread at random, so that a cluster does not ask for all its certificates in one moment. */
  #reissue({ generation, spec: { volumeId }, spec }: LiveVolume): void {
    const { anchors, clock, random, volumes } = this.#deps;
    const source = issuerSource(spec);
    const reissue = source === undefined ? undefined : anchors.find(source)?.reissue;
    if (reissue === undefined || generation.notBefore >= reissue.before) return;
    // It was written since, and only its notBefore is older: issuers have it lie a minute back.
    if ((generation.trust?.issuedAt ?? 0) >= reissue.before + clockSkewMs) return;
    if (this.#reissued.get(volumeId) === reissue.before) return;
    if (volumes.renewBy(volumeId, clock.now() + random() * reissue.seconds * 1000))
      this.#reissued.set(volumeId, reissue.before);
  }

  #failed(volumeId: string, error: unknown, retryInMs: number): void {
    const { events, log, metrics, volumes } = this.#deps;
    const failures = (this.#failures.get(volumeId) ?? 0) + 1;
    this.#failures.set(volumeId, failures);
    metrics.swap('failed');
    log.warn(
      { error, volume: volumeId, attempt: failures, retryInMs: Math.round(retryInMs) },
      'the trust anchors of a volume could not be changed',
    );
    const volume = volumes.get(volumeId);
    if (failures < failuresUntilTold || volume === undefined) return;
    const reason = error instanceof Error ? error.message : String(error);
    events.warn(
      volume.spec.pod,
      'TrustNotUpdated',
      `The volume keeps the trust anchors that it has: ${reason}. The driver goes on trying.`,
    );
  }

  #forget(volumeId: string): void {
    this.#queue.forget(volumeId);
    this.#failures.delete(volumeId);
    this.#reissued.delete(volumeId);
    this.#report();
  }

  /** Before it was heard which sets there are, nothing that is said of them would be true. */
  #report(): void {
    if (this.#deps.anchors.state === 'known') this.#deps.onChange();
  }
}
