import { abandonVolume } from './abandon-volume.ts';
import { passwordsOf, refreshPasswords } from './passwords.ts';
import { healVolume, isUnwell } from './heal-volume.ts';
import { publishVolume } from './publish-volume.ts';
import { recoverVolumes } from './recover-volumes.ts';
import { renewVolume } from './renew-volume.ts';
import { RenewalScheduler } from './renewal/renewal-scheduler.ts';
import { takeOverVolume } from './take-over-volume.ts';
import { retrustVolume } from './retrust-volume.ts';
import { leaveUnrenewed, type UnrenewedVolume } from './unrenewed-volume.ts';
import { unpublishVolume } from './unpublish-volume.ts';
import { VolumeError } from './volume-error.ts';
import { VolumeOperations } from './volume-operations.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import { isLive, isServed, requestsOf, type ServedVolume, type Volume } from './volume.ts';

export interface VolumesOptions {
  readonly concurrentRenewals: number;
  /** Whether the CertificateRequest of a volume's present certificate stays, for people to look at. */
  readonly keepIssuedRequests: boolean;
}

export interface VolumesDependencies extends VolumePorts {
  /** Told of each CertificateRequest that a volume has stopped needing. */
  readonly release: (namespace: string, request: string) => void;
  /** Told of each volume on which an operation has ended, well or not. */
  readonly onSettled?: (volumeId: string) => void;
}

/** `busy` is followed by a word to `onSettled`. */
export type RetrustOutcome = 'written' | 'unchanged' | 'busy';

/** What the kubelet says of a volume: the same for each publish of it and after a restart. */
export interface VolumeSource {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly context: Readonly<Record<string, string>>;
  readonly mountGroup: number | undefined;
  /** SELinux label of the mount, on nodes with SELinux alone; undefined after a restart, when the mount stands. */
  readonly seLinuxContext: string | undefined;
  /** Of the Secret that the volume names and of the kubelet itself; empty after a restart. Never stored on disk. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** After a renewal that another operation on the volume has cut off. */
const renewAgainMs = 30_000;

/** Every volume of the node and the operations on them. */
export class Volumes {
  readonly #options: VolumesOptions;
  readonly #deps: VolumesDependencies;
  readonly #volumes = new Map<string, Volume>();
  readonly #unrenewed = new Map<string, UnrenewedVolume>();
  readonly #operations = new VolumeOperations();
  readonly #renewals: RenewalScheduler;
  readonly #stopping = new AbortController();
  /** Of volumes that are renewed when something happens to the pod. */
  readonly #awaited = new Map<string, AbortController>();

  constructor(options: VolumesOptions, dependencies: VolumesDependencies) {
    this.#options = options;
    this.#deps = dependencies;
    this.#renewals = new RenewalScheduler(
      { concurrency: options.concurrentRenewals },
      { clock: dependencies.clock, renew: (volumeId) => this.#renew(volumeId) },
    );
  }

  /** Takes up what an earlier process of the driver has left: call once, before anything else. */
  async recover(): Promise<void> {
    await recoverVolumes(this.#table(), this.#deps);
  }

  /** Answers when the volume has a whole generation of files; at once when it has one already. */
  async publish(source: VolumeSource, signal: AbortSignal): Promise<void> {
    const { targetPath, volumeId } = source;
    const known = this.#volumes.get(volumeId);
    // Before the attributes are read: what a pod has stays, also when a newer driver reads them more strictly.
    if (known !== undefined && isServed(known) && this.#isAt(known, targetPath)) {
      refreshPasswords(known.spec, source, this.#deps);
      await this.#heal(known, source, signal);
      return;
    }
    const spec = await this.#parseOrAbandon(source, signal);
    if (spec === undefined) return;
    if (known !== undefined && known.state !== 'refused' && known.spec.targetPath !== spec.targetPath) {
      throw new VolumeError(
        'published-elsewhere',
        `target_path: volume ${volumeId} is published at ${known.spec.targetPath} already`,
      );
    }
    this.#checkTarget(volumeId, targetPath);
    this.#refuseWhenStopping();
    await this.#run(volumeId, 'publish', targetPath, signal, (operation) =>
      this.#deps.mounts.isLeftByOther(targetPath)
        ? takeOverVolume(spec, source, this.#table(), this.#deps)
        : publishVolume(spec, source, operation, this.#table(), this.#deps),
    );
  }

  async unpublish(volumeId: string, targetPath: string, signal: AbortSignal): Promise<void> {
    this.#checkTarget(volumeId, targetPath);
    await this.#run(volumeId, 'unpublish', targetPath, signal, () =>
      unpublishVolume(volumeId, targetPath, this.#table(), this.#deps),
    );
  }

  /**
   * Gives the volume the trust anchors that it is to have by now. A renewal that is under way goes on.
   *
   * @throws {VolumeError} with the volume as it was
   */
  retrust(volumeId: string): RetrustOutcome {
    if (this.#stopping.signal.aborted || !this.#operations.allowsStep(volumeId)) return 'busy';
    return retrustVolume(volumeId, this.#table(), this.#deps) ? 'written' : 'unchanged';
  }

  /**
   * Renews the volume then, unless it is renewed before that.
   *
   * @param at milliseconds since the epoch
   * @returns false while something is under way, which ends with a time of its own and a word to `onSettled`
   */
  renewBy(volumeId: string, at: number): boolean {
    if (this.#volumes.get(volumeId)?.state !== 'live' || this.#operations.isBusy(volumeId)) return false;
    this.#renewals.scheduleBy(volumeId, at);
    return true;
  }

  get(volumeId: string): Volume | undefined {
    return this.#volumes.get(volumeId);
  }

  all(): IterableIterator<Volume> {
    return this.#volumes.values();
  }

  /** Volumes of pods that run which are left as they are. */
  unrenewed(): IterableIterator<UnrenewedVolume> {
    return this.#unrenewed.values();
  }

  /** Whether the CertificateRequest of this name still serves the volume. */
  needs(volumeId: string, namespace: string, request: string): boolean {
    const volume = this.#volumes.get(volumeId);
    if (volume?.spec.pod.namespace !== namespace) return false;
    if (!this.#options.keepIssuedRequests && isAnswered(volume, request)) return false;
    return requestsOf(volume).includes(request);
  }

  /** Forgets a refusal whose request somebody has deleted. */
  forgetRefusal(volumeId: string, namespace: string, request: string): void {
    const volume = this.#volumes.get(volumeId);
    if (volume?.state !== 'refused' || volume.spec.pod.namespace !== namespace) return;
    if (volume.request === request) this.#volumes.delete(volumeId);
  }

  /** Starts nothing more; what is under way ends within the time given or is cut off cleanly, to be resumed by the next process. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    for (const volumeId of this.#awaited.keys()) this.#stopWaiting(volumeId);
    const grace = Promise.withResolvers<void>();
    const timer = this.#deps.clock.setTimer(() => grace.resolve(), graceMs);
    await Promise.race([this.#operations.settled(), grace.promise]);
    timer.cancel();
    await this.#operations.abortAll(new VolumeError('shutting-down', 'the driver is being restarted'));
    await this.#renewals.stop();
  }

  /** Such a call never fails: the pod runs, and the kubelet would tear its volume down. */
  async #heal(known: ServedVolume, source: VolumeSource, signal: AbortSignal): Promise<void> {
    const { targetPath, volumeId } = source;
    if (this.#stopping.signal.aborted || !isUnwell(known, this.#deps)) return;
    try {
      await this.#run(volumeId, 'publish', targetPath, signal, () => healVolume(known, source, this.#deps));
    } catch (error) {
      this.#deps.log.warn({ error, volume: volumeId }, 'cannot bring back what a live volume has lost');
    }
  }

  async #renew(volumeId: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      const never = new AbortController();
      await this.#run(volumeId, 'renew', '', never.signal, (operation) =>
        renewVolume(volumeId, operation, this.#table(), this.#deps),
      );
    } catch (error) {
      // renewVolume reports its failures itself; this is another operation that came first, or a fault of ours.
      if (!(error instanceof VolumeError))
        this.#deps.log.error({ error, volume: volumeId }, 'renewal broke off');
      this.#renewAgain(volumeId);
    }
  }

  async #run(...operation: Parameters<VolumeOperations['run']>): Promise<void> {
    try {
      await this.#operations.run(...operation);
    } finally {
      this.#deps.onSettled?.(operation[0]);
    }
  }

  /** An unpublish that failed leaves the pod with its files. One that succeeds forgets this too. */
  #renewAgain(volumeId: string): void {
    const volume = this.#volumes.get(volumeId);
    if (volume === undefined || !isServed(volume)) return;
    this.#renewals.schedule(volumeId, this.#deps.clock.now() + renewAgainMs);
  }

  #renewWhen(volumeId: string, happens: (signal: AbortSignal) => Promise<void>): void {
    this.#stopWaiting(volumeId);
    if (this.#stopping.signal.aborted) return;
    const abort = new AbortController();
    this.#awaited.set(volumeId, abort);
    const renew = (): void => {
      if (abort.signal.aborted) return;
      this.#awaited.delete(volumeId);
      this.#renewals.schedule(volumeId, this.#deps.clock.now());
    };
    // What cannot be waited for is tried, so that the attempt says why it fails.
    happens(abort.signal).then(renew, renew);
  }

  #stopWaiting(volumeId: string): void {
    this.#awaited.get(volumeId)?.abort();
    this.#awaited.delete(volumeId);
  }

  #isAt(volume: ServedVolume, targetPath: string): boolean {
    const { mounts } = this.#deps;
    const { spec } = volume;
    return (
      spec.targetPath === targetPath &&
      !this.#operations.isRunning(spec.volumeId, 'unpublish') &&
      mounts.isMounted(targetPath)
    );
  }

  /** A call that fails for good leaves nothing behind, of those before it neither. */
  async #parseOrAbandon(source: VolumeSource, signal: AbortSignal): Promise<VolumeSpec | undefined> {
    try {
      return this.#parseUnlessServed(source);
    } catch (error) {
      if (!(error instanceof VolumeError) || !this.#isBegun(source)) throw error;
      this.#checkTarget(source.volumeId, source.targetPath);
      this.#refuseWhenStopping();
      // Under no call's name: a publish that is under way may yet succeed, and is not this one.
      await this.#run(source.volumeId, 'publish', '', signal, () =>
        abandonVolume(source, this.#table(), this.#deps),
      );
      throw error;
    }
  }

  /** Whether an earlier call, or an earlier process, has left something of the volume here. */
  #isBegun({ targetPath, volumeId }: VolumeSource): boolean {
    const { mounts } = this.#deps;
    const known = this.#volumes.get(volumeId);
    if (known !== undefined && known.state !== 'refused') return known.spec.targetPath === targetPath;
    return mounts.isMounted(targetPath) && !mounts.isForeign(targetPath);
  }

  /** The spec; undefined for a pod that has its files although this version does not accept its attributes any more. */
  #parseUnlessServed(source: VolumeSource): VolumeSpec | undefined {
    const { targetPath, volumeId } = source;
    try {
      const spec = this.#deps.parseSpec(source);
      passwordsOf(spec, source);
      return spec;
    } catch (error) {
      const { files, log, mounts } = this.#deps;
      if (!mounts.isMounted(targetPath) || files.writtenAt(targetPath) === undefined) throw error;
      log.error({ error, volume: volumeId }, 'a live volume is not renewed: its attributes are not accepted');
      leaveUnrenewed(source, error, this.#table(), this.#deps);
      return undefined;
    }
  }

  /** One volume's call must not reach another one's files, whatever its sender mixes up. */
  #checkTarget(volumeId: string, targetPath: string): void {
    for (const { spec, state } of this.#volumes.values()) {
      if (spec.targetPath !== targetPath || spec.volumeId === volumeId || state === 'refused') continue;
      throw new VolumeError(
        'invalid-request',
        `target_path: volume ${spec.volumeId} is published at ${targetPath}`,
      );
    }
  }

  #refuseWhenStopping(): void {
    if (this.#stopping.signal.aborted)
      throw new VolumeError('shutting-down', 'the driver is being restarted');
  }

  #table(): VolumeTable {
    return {
      get: (volumeId) => this.#volumes.get(volumeId),
      set: (volume) => {
        this.#volumes.set(volume.spec.volumeId, volume);
        this.#unrenewed.delete(volume.spec.volumeId);
        if (volume.state === 'live' && !this.#options.keepIssuedRequests)
          this.#deps.release(volume.spec.pod.namespace, volume.request);
      },
      delete: (volumeId) => {
        this.#volumes.delete(volumeId);
        this.#unrenewed.delete(volumeId);
        this.#renewals.forget(volumeId);
        this.#stopWaiting(volumeId);
      },
      leaveUnrenewed: (volume) => {
        if (!this.#volumes.has(volume.volumeId)) this.#unrenewed.set(volume.volumeId, volume);
      },
      renewAt: (volumeId, at) => this.#renewals.schedule(volumeId, at),
      renewWhen: (volumeId, happens) => this.#renewWhen(volumeId, happens),
      release: this.#deps.release,
    };
  }
}

/** Whether the files of the volume are what the request was for. */
function isAnswered(volume: Volume, request: string): boolean {
  return isLive(volume) && volume.request === request;
}

/** What an operation may do to the table of volumes. */
export interface VolumeTable {
  get(volumeId: string): Volume | undefined;
  set(volume: Volume): void;
  /** Forgets the volume and its renewal. */
  delete(volumeId: string): void;
  /** Notes one that is not in the table, until it is set or deleted. */
  leaveUnrenewed(volume: UnrenewedVolume): void;
  /** @param at milliseconds since the epoch */
  renewAt(volumeId: string, at: number): void;
  /** Renews as soon as the promise resolves; in place of what was waited for before. */
  renewWhen(volumeId: string, happens: (signal: AbortSignal) => Promise<void>): void;
  release(namespace: string, request: string): void;
}
