import type { Pod } from '../../../src/api/core.ts';
import { pods } from '../../../src/api/core.ts';
import { type KubeClient, Reflector, systemClock } from '../../../src/kube/index.ts';

/** When pods become Ready and when they are gone, by this machine's clock: their own conditions know only seconds. */
export class PodWatch {
  readonly #reflector: Reflector<Pod>;
  readonly #namespace: string;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  private constructor(client: KubeClient, namespace: string) {
    this.#namespace = namespace;
    this.#reflector = new Reflector(
      { resource: client.resource(pods), namespace },
      { clock: systemClock, random: Math.random },
    );
    this.#running = this.#reflector.run(this.#ending.signal);
  }

  static async start(client: KubeClient, namespace: string): Promise<PodWatch> {
    const watch = new PodWatch(client, namespace);
    await watch.#reflector.whenSynced();
    return watch;
  }

  /** @returns when it was seen Ready, on the clock of `performance.now()` */
  async ready(name: string): Promise<number> {
    await this.#wait(name, (pod) => pod !== undefined && isReady(pod));
    return performance.now();
  }

  async gone(name: string): Promise<void> {
    await this.#wait(name, (pod) => pod === undefined);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running.catch(() => {});
  }

  async #wait(name: string, accept: (pod: Pod | undefined) => boolean): Promise<void> {
    const limit = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(60_000)]);
    await this.#reflector.waitFor({ namespace: this.#namespace, name }, accept, limit);
  }
}

function isReady(pod: Pod): boolean {
  const { conditions = [] } = (pod.status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ status, type }) => type === 'Ready' && status === 'True');
}
