import type { ConfigMap, Secret } from '../../../../api/core.ts';
import { isKubeError } from '../../../../kube/index.ts';
import type { Resource } from '../../../../kube/index.ts';
import { TrustError } from '../../trust-error.ts';
import { fieldManager, isTargetOf, slimTarget, targetPatch } from './present-target.ts';
import type { TargetKind, WantedTarget } from './wanted-target.ts';

export type TargetObject = ConfigMap | Secret;
export type TargetResource = Pick<Resource<TargetObject>, 'get' | 'create' | 'patch' | 'delete'>;

export interface TargetWriterDependencies {
  readonly resource: (kind: TargetKind) => TargetResource;
  readonly onWrite: (operation: 'created' | 'updated' | 'deleted') => void;
}

/** Brings one target to what it should be, with the fewest calls. All methods throw KubeError. */
export class TargetWriter {
  readonly #deps: TargetWriterDependencies;

  constructor(deps: TargetWriterDependencies) {
    this.#deps = deps;
  }

  /**
   * Throws TrustError for one that must not be written.
   *
   * @param present slim, from a watch that may be behind
   */
  async put(namespace: string, wanted: WantedTarget, present: TargetObject | undefined): Promise<void> {
    if (present !== undefined) {
      await this.#update(namespace, wanted, present);
      return;
    }
    const resource = this.#deps.resource(wanted.kind);
    try {
      await resource.create(newTarget(namespace, wanted), { fieldManager });
      this.#deps.onWrite('created');
    } catch (error) {
      if (!isKubeError(error, 'already-exists')) throw error;
      const there = await resource.get({ namespace, name: wanted.name });
      if (!isTargetOf(wanted.name, there)) {
        throw new TrustError(
          'foreign',
          `${wanted.kind} ${namespace}/${wanted.name} exists and is not the Bundle's`,
          { cause: error },
        );
      }
      await this.#update(namespace, wanted, slimTarget(there));
    }
  }

  /** Nothing happens to one that has changed meanwhile: the change itself is looked at. */
  async remove(kind: TargetKind, { metadata }: TargetObject): Promise<void> {
    const { name = '', namespace = '', uid, resourceVersion } = metadata;
    try {
      await this.#deps.resource(kind).delete({ namespace, name }, { uid, resourceVersion });
      this.#deps.onWrite('deleted');
    } catch (error) {
      if (!isKubeError(error, 'not-found', 'conflict')) throw error;
    }
  }

  async #update(namespace: string, wanted: WantedTarget, present: TargetObject): Promise<void> {
    const patch = targetPatch(present, wanted);
    if (patch === undefined) return;
    try {
      await this.#deps.resource(wanted.kind).patch({ namespace, name: wanted.name }, patch, { fieldManager });
      this.#deps.onWrite('updated');
    } catch (error) {
      // It has changed since, or is gone: the watch tells of that.
      if (!isKubeError(error, 'conflict', 'not-found')) throw error;
    }
  }
}

function newTarget(namespace: string, wanted: WantedTarget): TargetObject {
  const { name, labels, annotations, owner, data, binaryData } = wanted;
  return {
    metadata: {
      namespace,
      name,
      labels: { ...labels },
      annotations: { ...annotations },
      ownerReferences: [owner],
    },
    data: { ...data },
    ...(Object.keys(binaryData).length > 0 && { binaryData: { ...binaryData } }),
  };
}
