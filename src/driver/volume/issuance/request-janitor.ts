import type { CertificateRequest } from '../../../api/certificate-request.ts';
import {
  type Clock,
  isKubeError,
  keyText,
  keyTextOf,
  parseKey,
  type Reflector,
  type Resource,
  WorkQueue,
} from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import { volumeOf } from './issuance.ts';

export interface RequestJanitorDependencies {
  readonly reflector: Reflector<CertificateRequest>;
  readonly requests: Pick<Resource<CertificateRequest>, 'delete'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Whether the volume still needs the request of this name. */
  readonly isNeeded: (volumeId: string, namespace: string, request: string) => boolean;
  readonly onDeleted: (volumeId: string, namespace: string, request: string) => void;
}

/**
 * Deletes this node's CertificateRequests that no volume needs: superseded ones, and those of a driver or a pod that is gone.
 * One remains per volume. What the API server cannot take now is tried again later; what it forbids is left.
 */
export class RequestJanitor {
  readonly #deps: RequestJanitorDependencies;
  readonly #queue: WorkQueue;

  constructor(options: { readonly workers: number }, dependencies: RequestJanitorDependencies) {
    this.#deps = dependencies;
    const { clock, log, random } = dependencies;
    this.#queue = new WorkQueue(
      { workers: options.workers },
      {
        clock,
        random,
        reconcile: (key, signal) => this.#reconcile(key, signal),
        onError: (key, error, retryInMs) =>
          log.warn({ error, certificateRequest: key, retryInMs }, 'request could not be deleted'),
      },
    );
    dependencies.reflector.subscribe((change) => {
      if (change.type === 'added') this.#queue.add(keyTextOf(change.object));
      const volumeId = volumeOf(change.object);
      if (change.type === 'deleted' && volumeId !== undefined) {
        const { name = '', namespace = '' } = change.object.metadata;
        dependencies.onDeleted(volumeId, namespace, name);
      }
    });
  }

  /** Looks at a request that a volume has stopped needing. */
  release(namespace: string, request: string): void {
    this.#queue.add(keyText({ namespace, name: request }));
  }

  /** Call once what is on the node is known, or the requests of living volumes would go. */
  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const request = this.#deps.reflector.get(parseKey(key));
    // One that is created but not seen yet comes by again when it is.
    if (request === undefined) return;
    const volumeId = volumeOf(request);
    const { name = '', namespace = '' } = request.metadata;
    if (volumeId === undefined || this.#deps.isNeeded(volumeId, namespace, name)) return;
    try {
      const { uid } = request.metadata;
      await this.#deps.requests.delete(parseKey(key), { signal, uid });
      this.#deps.log.debug(
        { certificateRequest: key, volume: volumeId },
        'deleted a request that no volume needs',
      );
    } catch (error) {
      if (isKubeError(error, 'forbidden')) {
        // Somebody else's, or one of an earlier node of this name: it goes with its pod, and asking again changes nothing.
        this.#deps.log.warn({ error, certificateRequest: key }, 'request may not be deleted and is left');
        return;
      }
      if (!isKubeError(error, 'not-found', 'conflict')) throw error;
    }
  }
}
