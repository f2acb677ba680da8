import type { KubeClient, KubeObject, ResourceType } from '../../../../../src/kube/index.ts';

type Told = (event: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }) => void;

/** An API server whose watches tell what the test says. */
export class WatchedApi {
  /** By the plural of their kind. */
  readonly objects: Record<string, KubeObject[]> = {};
  /** Of single objects, as "PLURAL NAME". */
  readonly reads: string[] = [];
  /** Plurals of lists that are not answered. */
  readonly stuck = new Set<string>();
  /** Plurals that were listed. */
  readonly lists: string[] = [];
  readonly #told: Record<string, Told> = {};

  get client(): KubeClient {
    const resource = ({ plural }: ResourceType<KubeObject>) => ({
      type: { plural },
      list: () => {
        this.lists.push(plural);
        return this.stuck.has(plural)
          ? new Promise(() => {})
          : Promise.resolve({ items: this.#present(plural), metadata: { resourceVersion: '1' } });
      },
      watch: (_: unknown, told: Told, { signal }: { signal: AbortSignal }) => {
        this.#told[plural] = told;
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
      find: ({ name, namespace = '' }: { name: string; namespace?: string }) => {
        this.reads.push(`${plural} ${name}`);
        return Promise.resolve(
          this.#present(plural).find(
            ({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace,
          ),
        );
      },
    });
    return { resource } as unknown as KubeClient;
  }

  tell(plural: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.#told[plural]?.({ type, object: structuredClone(object) });
  }

  #present(plural: string): KubeObject[] {
    return structuredClone(this.objects[plural] ?? []);
  }
}

let versions = 0;

/** Of another version each time. */
export function watchedMetadata(name: string, namespace?: string): KubeObject['metadata'] {
  versions += 1;
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    uid: name,
    resourceVersion: String(versions),
  };
}
