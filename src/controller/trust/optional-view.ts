import { isKubeError, Reflector } from '../../kube/index.ts';
import type { Change, Clock, KubeClient, KubeObject, ObjectKey, ResourceType } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import { withoutManagedFields } from '../slim-object.ts';

export interface OptionalViewDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** A view of all objects of a kind that the cluster may not serve, or not let this process see. */
export class OptionalView<T extends KubeObject> {
  readonly #reflector: Reflector<T>;
  readonly #deps: OptionalViewDependencies;
  readonly #plural: string;
  readonly #known = Promise.withResolvers<void>();
  #refused = false;

  constructor(type: ResourceType<T>, deps: OptionalViewDependencies) {
    this.#deps = deps;
    this.#plural = type.plural;
    const { client, clock, random } = deps;
    this.#reflector = new Reflector<T>(
      { resource: client.resource(type), transform: withoutManagedFields },
      { clock, random, onError: (error) => this.#failed(error) },
    );
  }

  /** Absent: there are none as far as this process can ever see. It looks again by itself. */
  get state(): 'loading' | 'absent' | 'present' {
    if (this.#refused && !this.#reflector.connected) return 'absent';
    return this.#reflector.synced ? 'present' : 'loading';
  }

  get(key: ObjectKey): T | undefined {
    return this.#reflector.get(key);
  }

  list(): IterableIterator<T> {
    return this.#reflector.list();
  }

  subscribe(listener: (change: Change<T>) => void): void {
    this.#reflector.subscribe(listener);
  }

  /** Resolves when the state is no longer loading. Never rejects. */
  whenKnown(): Promise<void> {
    return this.#known.promise;
  }

  async run(signal: AbortSignal): Promise<void> {
    const running = this.#reflector.run(signal);
    await this.#reflector.whenSynced(signal).catch(() => {});
    this.#known.resolve();
    await running;
  }

  #failed(error: unknown): void {
    const refused = isKubeError(error, 'not-found', 'forbidden');
    if (!refused || !this.#refused) {
      this.#deps.log.warn({ resource: this.#plural, error }, 'watch failed, trying again');
    }
    this.#refused = refused;
    if (refused) this.#known.resolve();
  }
}
