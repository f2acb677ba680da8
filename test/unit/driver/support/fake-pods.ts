import { type Pod, pods } from '../../../../src/api/core.ts';
import { slimPod } from '../../../../src/driver/volume/pods/node-pods.ts';
import { type Clock, KubeError, keyTextOf, Reflector } from '../../../../src/kube/index.ts';
import type {
  KubeList,
  ObjectKey,
  Resource,
  StreamOptions,
  WatchEvent,
  WatchQuery,
} from '../../../../src/kube/index.ts';
import { pod as identity } from './builders.ts';

/** The pods of a node, on an API server that knows nothing else. */
export class FakePods implements Pick<Resource<Pod>, 'type' | 'get' | 'list' | 'watch'> {
  readonly type = pods;
  /** Watches that were opened. */
  watches = 0;
  readonly #objects = new Map<string, Pod>();
  readonly #watchers = new Set<(event: WatchEvent<Pod>) => void>();
  #version = 1;

  reflector(clock: Clock): Reflector<Pod> {
    return new Reflector({ resource: this, transform: slimPod }, { clock, random: () => 0 });
  }

  set(pod: Pod): void {
    const stored = structuredClone(pod);
    stored.metadata.resourceVersion = String(++this.#version);
    const type = this.#objects.has(keyTextOf(pod)) ? 'MODIFIED' : 'ADDED';
    this.#objects.set(keyTextOf(pod), stored);
    for (const tell of this.#watchers) tell({ type, object: structuredClone(stored) });
  }

  async get(key: ObjectKey): Promise<Pod> {
    const found = this.#objects.get(`${key.namespace}/${key.name}`);
    if (found === undefined) throw new KubeError('not-found', `GET: no pod ${key.name}`, { status: 404 });
    return structuredClone(found);
  }

  async list(): Promise<KubeList<Pod>> {
    const items = [...this.#objects.values()].map((pod) => structuredClone(pod));
    return { metadata: { resourceVersion: String(this.#version) }, items };
  }

  watch(
    _query: WatchQuery,
    onEvent: (event: WatchEvent<Pod>) => void,
    options: StreamOptions,
  ): Promise<void> {
    this.watches += 1;
    this.#watchers.add(onEvent);
    return new Promise((_resolve, reject) => {
      options.signal.addEventListener('abort', () => {
        this.#watchers.delete(onEvent);
        reject(options.signal.reason as Error);
      });
    });
  }
}

/** The pod of the other builders, as the API server has it. */
export function podObject(
  changes: { readonly status?: Pod['status']; readonly annotations?: Record<string, string> } = {},
): Pod {
  const { name, namespace, serviceAccount, uid } = identity;
  return {
    metadata: { name, namespace, uid, annotations: changes.annotations ?? {} },
    spec: { nodeName: 'node-1', serviceAccountName: serviceAccount },
    status: changes.status ?? {},
  };
}
