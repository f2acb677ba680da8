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

/** For so long a refusal may be a role that is being changed. */
const refusalMs = 60_000;

/** A view of all objects of a kind that the cluster may not serve, or not let this process see. */
export class OptionalView<T extends KubeObject> {
  readonly #reflector: Reflector<T>;
  readonly #deps: OptionalViewDependencies;
  readonly #plural: string;
  readonly #known = Promise.withResolvers<void>();
  #isAbsent = false;
  /** Since when it is refused, in milliseconds since the epoch, and since when that is taken for an answer. */
  #refusedSince: number | undefined;
  #isRefused = false;

  constructor(type: ResourceType<T>, deps: OptionalViewDependencies) {
    this.#deps = deps;
    this.#plural = type.plural;
    const { client, clock, random } = deps;
    this.#reflector = new Reflector<T>(
      { resource: client.resource(type), transform: withoutManagedFields },
      { clock, random, onError: (error) => this.#failed(error) },
    );
  }

  /** Absent: the cluster does not serve it. Refused: there may be some that this process never saw. It looks again by itself. */
  get state(): 'loading' | 'absent' | 'refused' | 'present' {
    if (this.#isAbsent && !this.#reflector.connected) return 'absent';
    if (this.#reflector.synced) return 'present';
    return this.#isRefused ? 'refused' : 'loading';
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
    const { clock, log } = this.#deps;
    const resource = this.#plural;
    const wasKnown = this.#isAbsent || this.#refusedSince !== undefined;
    this.#isAbsent = isKubeError(error, 'not-found');
    const isForbidden = isKubeError(error, 'forbidden');
    if (isForbidden && this.#refusedSince === undefined)
      log.warn({ resource, error }, 'the controller may not list and watch it: apply deploy/rbac.yaml');
    else if (!wasKnown || !(this.#isAbsent || isForbidden))
      log.warn({ resource, error }, 'watch failed, trying again');
    this.#refusedSince = isForbidden ? (this.#refusedSince ?? clock.now()) : undefined;
    this.#isRefused = isForbidden && Math.abs(clock.now() - (this.#refusedSince ?? 0)) >= refusalMs;
    if (this.#isAbsent || this.#isRefused) this.#known.resolve();
  }
}
