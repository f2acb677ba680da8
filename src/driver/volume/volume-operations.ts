import { abortable } from './abortable.ts';
import { VolumeError } from './volume-error.ts';

type Kind = 'publish' | 'renew' | 'unpublish';

interface Operation {
  readonly kind: Kind;
  /** Two calls for one volume that differ in this are not the same call. */
  readonly key: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/**
 * One operation at a time per volume.
 * A second call of the same kind shares the first one's outcome; unpublish ends what else is under way; publish never waits
 * for unpublish.
 */
export class VolumeOperations {
  readonly #running = new Map<string, Operation>();

  get size(): number {
    return this.#running.size;
  }

  isBusy(volumeId: string): boolean {
    return this.#running.has(volumeId);
  }

  isRunning(volumeId: string, kind: Kind): boolean {
    return this.#running.get(volumeId)?.kind === kind;
  }

  /** Whether a change of the volume's files that takes no time of its own may come now: between the steps of a renewal too. */
  allowsStep(volumeId: string): boolean {
    const kind = this.#running.get(volumeId)?.kind;
    return kind === undefined || kind === 'renew';
  }

  /**
   * @param signal ends the wait of this caller; for the call that started the operation it ends the operation
   * @throws {VolumeError} `busy`, or what the operation failed with
   */
  async run(
    volumeId: string,
    kind: Kind,
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    for (let other = this.#running.get(volumeId); other !== undefined; other = this.#running.get(volumeId)) {
      if (other.kind === kind && other.key === key) return untilAborted(other.done, signal);
      if (kind !== 'unpublish') {
        throw new VolumeError('busy', `volume ${volumeId} is busy: ${other.kind} is under way`);
      }
      other.abort.abort(new VolumeError('cancelled', 'the volume is being unpublished'));
      await untilAborted(
        other.done.catch(() => {}),
        signal,
      );
    }
    await this.#start(volumeId, kind, key, signal, work);
  }

  /** Ends every operation with this reason and waits until all have come to rest. */
  async abortAll(reason: VolumeError): Promise<void> {
    const running = [...this.#running.values()];
    for (const operation of running) operation.abort.abort(reason);
    await Promise.allSettled(running.map((operation) => operation.done));
  }

  /** Resolves when what is under way now has ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map((operation) => operation.done));
  }

  #start(
    volumeId: string,
    kind: Kind,
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const abort = new AbortController();
    const follow = (): void => abort.abort(signal.reason);
    signal.addEventListener('abort', follow, { once: true });
    if (signal.aborted) follow();
    const done = work(abort.signal).finally(() => {
      signal.removeEventListener('abort', follow);
      this.#running.delete(volumeId);
    });
    this.#running.set(volumeId, { kind, key, abort, done });
    return done;
  }
}

async function untilAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await abortable(done, signal);
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    throw new VolumeError('busy', 'another call for this volume has not ended in time', { cause: error });
  }
}
