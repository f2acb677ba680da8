import type { Node } from '../api/core.ts';
import { backoffMs, type Clock, isKubeError, type Resource, sleep } from '../kube/index.ts';
import type { Logger } from '../runtime/log.ts';

/** On a fresh node (the kubelet's `--register-with-taints`) it keeps pods away that would wait for the driver. */
const startupTaintKey = 'certmount.io/agent-not-ready';

export interface StartupTaintOptions {
  readonly nodeName: string;
}

export interface StartupTaintDependencies {
  readonly nodes: Pick<Resource<Node>, 'get' | 'patch'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

const retry = { baseMs: 500, maxMs: 60_000 };

/** Takes the startup taint off the driver's own node, once in the life of the process. */
export class StartupTaint {
  readonly #nodeName: string;
  readonly #deps: StartupTaintDependencies;
  #removing: Promise<void> | undefined;

  constructor(options: StartupTaintOptions, dependencies: StartupTaintDependencies) {
    this.#nodeName = options.nodeName;
    this.#deps = dependencies;
  }

  /** Call when the kubelet knows the driver; again does nothing. Never rejects: it goes on until it is done or aborted. */
  remove(signal: AbortSignal): Promise<void> {
    this.#removing ??= this.#persist(signal);
    return this.#removing;
  }

  async #persist(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#deps;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.#removeNow(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        // Somebody else has changed the node meanwhile, as its kubelet often does: nothing to tell anybody.
        const conflict = isKubeError(error, 'conflict');
        const retryInMs = Math.round(backoffMs(failures, retry, random));
        if (!conflict) log.warn({ error, retryInMs }, 'the startup taint could not be removed');
        await sleep(clock, retryInMs, signal).catch(() => {});
      }
    }
  }

  async #removeNow(signal: AbortSignal): Promise<void> {
    const { log, nodes } = this.#deps;
    const key = { name: this.#nodeName };
    const { metadata, spec } = await nodes.get(key, { signal });
    const taints = spec.taints ?? [];
    const others = taints.filter((taint) => taint.key !== startupTaintKey);
    if (others.length === taints.length) return;
    // With the version, because a list can only be replaced as a whole: no taint of somebody else is lost or brought back.
    const { resourceVersion } = metadata;
    await nodes.patch(key, { metadata: { resourceVersion }, spec: { taints: others } }, { signal });
    log.info({ node: this.#nodeName }, 'removed the startup taint of the node');
  }
}
