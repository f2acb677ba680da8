import {
  type AnchorSet,
  anchorSetName,
  anchorSets,
  type AnchorSetSpec,
  type AnchorSource,
  anchorSourceText,
} from '../../../../src/api/anchor-set.ts';
import { slimAnchorSet } from '../../../../src/driver/trust/anchor-sets.ts';
import { type Clock, KubeError, Reflector } from '../../../../src/kube/index.ts';
import type {
  KubeList,
  Resource,
  StreamOptions,
  WatchEvent,
  WatchQuery,
} from '../../../../src/kube/index.ts';

export const issuer: AnchorSource = { kind: 'Issuer', namespace: 'web', name: 'ca' };
export const bundle = (name: string): AnchorSource => ({ kind: 'Bundle', name });

/** The AnchorSets of a cluster, on an API server that knows nothing else. */
export class FakeAnchorSets implements Pick<Resource<AnchorSet>, 'type' | 'list' | 'watch'> {
  readonly type = anchorSets;
  /** Whether the API server knows them. */
  installed = true;
  /** Lists that were asked for. */
  lists = 0;
  /** Reads of one of them. */
  reads = 0;
  /** Watches are behind: they hear of nothing until this is false and the next change comes. */
  isDeaf = false;
  readonly #objects = new Map<string, AnchorSet>();
  readonly #watchers = new Set<(event: WatchEvent<AnchorSet>) => void>();
  #version = 1;

  reflector(clock: Clock, onError: (error: unknown) => void): Reflector<AnchorSet> {
    return new Reflector({ resource: this, transform: slimAnchorSet }, { clock, random: () => 0, onError });
  }

  /** As the controller writes it; one sequence higher each time. */
  set(source: AnchorSource, anchors: string, changes: Partial<AnchorSetSpec> = {}): void {
    const name = anchorSetName(source);
    const sequence = (this.#objects.get(name)?.spec.sequence ?? 0) + 1;
    const spec = { source: anchorSourceText(source), anchors, sequence, ...changes };
    const type = this.#objects.has(name) ? 'MODIFIED' : 'ADDED';
    const object = { metadata: { name, uid: name, resourceVersion: String(++this.#version) }, spec };
    this.#objects.set(name, object);
    this.#tell({ type, object });
  }

  delete(source: AnchorSource): void {
    const name = anchorSetName(source);
    const object = this.#objects.get(name);
    if (object === undefined) throw new Error(`no AnchorSet ${name}`);
    this.#objects.delete(name);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    this.#tell({ type: 'DELETED', object: { ...object, metadata } });
  }

  async list(): Promise<KubeList<AnchorSet>> {
    this.lists += 1;
    if (!this.installed) throw new KubeError('not-found', 'LIST: 404', { status: 404 });
    const items = structuredClone([...this.#objects.values()]);
    return { metadata: { resourceVersion: String(this.#version) }, items };
  }

  async read(name: string): Promise<AnchorSet | undefined> {
    this.reads += 1;
    return structuredClone(this.#objects.get(name));
  }

  watch(
    _query: WatchQuery,
    onEvent: (event: WatchEvent<AnchorSet>) => void,
    options: StreamOptions,
  ): Promise<void> {
    this.#watchers.add(onEvent);
    return new Promise((_resolve, reject) => {
      options.signal.addEventListener('abort', () => {
        this.#watchers.delete(onEvent);
        reject(options.signal.reason as Error);
      });
    });
  }

  #tell(event: WatchEvent<AnchorSet>): void {
    if (this.isDeaf) return;
    for (const tell of this.#watchers) tell(structuredClone(event));
  }
}
