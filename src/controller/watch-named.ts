import { isKubeError, Reflector } from '../kube/index.ts';
import type { Change, Clock, Gate, KubeClient, KubeObject, ReflectorOptions } from '../kube/index.ts';

export interface WatchNamedDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Hundreds of objects may be named: their lists take turns, or no other call would get a connection. */
  readonly lists: Gate;
  readonly onError: (resource: string, error: unknown) => void;
}

export interface NamedListener<T extends KubeObject> {
  /** Undefined: all of it was read for the first time. */
  changed(change: Change<T> | undefined): void;
  failed(message: string): void;
}

/** In a row, of a server that answers: such as one that cannot decrypt a Secret. */
const refusalsUntilTold = 4;

/** Watches what somebody has named until the signal aborts: RBAC can allow just that, and nothing else is ever read. */
export function watchNamed<T extends KubeObject>(
  options: ReflectorOptions<T>,
  listener: NamedListener<T>,
  signal: AbortSignal,
  { clock, random, lists, onError }: WatchNamedDependencies,
): Pick<Reflector<T>, 'synced' | 'get' | 'list'> {
  const { resource } = options;
  const inTurn: typeof resource = {
    type: resource.type,
    list: (query, call) => lists.run(() => resource.list(query, call), call?.signal),
    watch: (query, onEvent, call) => resource.watch(query, onEvent, call),
  };
  let refusals = 0;
  const reflector = new Reflector<T>(
    { ...options, resource: inTurn },
    {
      clock,
      random,
      onError: (error) => {
        onError(resource.type.plural, error);
        // Most passes by itself, and until then nothing is known that anybody should tell of.
        if (!isKubeError(error) || error.status === undefined || reflector.synced) return;
        refusals += 1;
        const isLasting = refusals >= refusalsUntilTold && error.reason !== 'too-many-requests';
        if (isLasting || isKubeError(error, 'forbidden')) listener.failed(error.message);
      },
    },
  );
  reflector.subscribe((change) => {
    if (reflector.synced) listener.changed(change);
  });
  void reflector.run(signal);
  reflector.whenSynced(signal).then(
    () => listener.changed(undefined),
    () => {}, // nobody names it any more
  );
  return reflector;
}
