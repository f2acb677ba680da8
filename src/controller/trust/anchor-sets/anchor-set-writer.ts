import { anchorSetName, anchorSourceText } from '../../../api/anchor-set.ts';
import type { AnchorSet, AnchorSetSpec, AnchorSetStatus, AnchorSource } from '../../../api/anchor-set.ts';
import { isKubeError } from '../../../kube/index.ts';
import type { Change, ObjectKey, Resource } from '../../../kube/index.ts';

/** What a set should say. Its sequence is the writer's own business. */
export interface WantedAnchors {
  /** PEM in an order that does not change by itself; may be empty. */
  readonly anchors: string;
  readonly trustDomain?: string;
  readonly refreshHintSeconds?: number;
  /** RFC 3339. */
  readonly reissueBefore?: string;
  readonly reissueSeconds?: number;
  /** Written together with the rest; others that are there stay. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AnchorSetWriterDependencies {
  readonly resource: Pick<Resource<AnchorSet>, 'get' | 'create' | 'replace' | 'replaceStatus' | 'delete'>;
  readonly now: () => number;
  /** From a watch, which may be behind. */
  readonly cached: (key: ObjectKey) => AnchorSet | undefined;
  readonly allCached: () => Iterable<AnchorSet>;
}

/** Attempts against other writers before the caller has to come again. */
const attempts = 4;

/** Brings AnchorSets to what they should be; writes nothing that is there already. */
export class AnchorSetWriter {
  readonly #deps: AnchorSetWriterDependencies;
  /** What this process wrote and the watch may not have told of yet. */
  readonly #written = new Map<string, AnchorSet>();

  constructor(deps: AnchorSetWriterDependencies) {
    this.#deps = deps;
  }

  /** The set as last written here or seen by the watch, whichever is later. */
  get(source: AnchorSource): AnchorSet | undefined {
    const name = anchorSetName(source);
    return later(this.#deps.cached({ name }), this.#written.get(name));
  }

  /** All of them, each as {@link get} has it. */
  *all(): Iterable<AnchorSet> {
    const written = new Map(this.#written);
    for (const cached of this.#deps.allCached()) {
      const { name = '' } = cached.metadata;
      yield later(cached, written.get(name)) ?? cached;
      written.delete(name);
    }
    yield* written.values();
  }

  /**
   * Throws KubeError.
   *
   * @param onConflict what to do when another writer was faster: 'throw' for content that depends on what was there
   * @returns the set as it is now; 'not-served' when the cluster has no AnchorSets
   */
  async write(
    source: AnchorSource,
    wanted: WantedAnchors,
    { onConflict = 'retry' }: { readonly onConflict?: 'retry' | 'throw' } = {},
  ): Promise<AnchorSet | 'not-served'> {
    let present = this.get(source);
    for (let attempt = 1; ; attempt += 1) {
      const next = this.#next(source, wanted, present);
      if (next === present) return next;
      try {
        const { resource } = this.#deps;
        return this.#keep(present ? await resource.replace(next) : await resource.create(next));
      } catch (error) {
        if (!isKubeError(error, 'conflict', 'already-exists', 'not-found') || attempt === attempts)
          throw error;
        const there = await this.#read(source);
        // A create answers so when the kind itself is not there.
        if (!there && !present && isKubeError(error, 'not-found')) return 'not-served';
        if (onConflict === 'throw' && there && !(present && sameContent(there, present))) throw error;
        present = there;
      }
    }
  }

  /** Nothing happens when there is no such set. */
  async writeStatus(source: AnchorSource, status: AnchorSetStatus): Promise<void> {
    const present = this.get(source);
    if (!present || JSON.stringify(present.status) === JSON.stringify(status)) return;
    try {
      this.#keep(await this.#deps.resource.replaceStatus({ ...present, status }));
    } catch (error) {
      // It has changed since, or is gone: the watch tells of that.
      if (!isKubeError(error, 'conflict', 'not-found')) throw error;
    }
  }

  /** Nothing happens when there is none. */
  async delete(source: AnchorSource): Promise<void> {
    const name = anchorSetName(source);
    this.#written.delete(name);
    await this.#deps.resource.delete({ name }).catch((error: unknown) => {
      if (!isKubeError(error, 'not-found')) throw error;
    });
  }

  /** Listener of the watch. */
  readonly onChange = ({ type, object }: Change<AnchorSet>): void => {
    const name = object.metadata.name ?? '';
    const written = this.#written.get(name);
    if (!written) return;
    // After a time without a watch a deletion is told of with an older state than the last.
    const isGone = type === 'deleted' && object.metadata.uid === written.metadata.uid;
    if (isGone || isAsNew(object, written)) this.#written.delete(name);
  };

  /** @returns the set as it was answered, also when a later write was answered before */
  #keep(set: AnchorSet): AnchorSet {
    const { name = '' } = set.metadata;
    const written = this.#written.get(name);
    if (!written || isAsNew(set, written)) this.#written.set(name, set);
    return set;
  }

  async #read(source: AnchorSource): Promise<AnchorSet | undefined> {
    try {
      return this.#keep(await this.#deps.resource.get({ name: anchorSetName(source) }));
    } catch (error) {
      if (!isKubeError(error, 'not-found')) throw error;
      this.#written.delete(anchorSetName(source));
      return undefined;
    }
  }

  /** The present one itself when nothing has to change. */
  #next(source: AnchorSource, wanted: WantedAnchors, present: AnchorSet | undefined): AnchorSet {
    const { annotations, ...content } = wanted;
    const spec: AnchorSetSpec = {
      source: anchorSourceText(source),
      ...content,
      sequence: this.#sequence(wanted, present),
    };
    if (!present) {
      const name = anchorSetName(source);
      return { metadata: { name, ...(annotations && { annotations: { ...annotations } }) }, spec };
    }
    const merged = { ...present.metadata.annotations, ...annotations };
    const next = { ...present, metadata: { ...present.metadata, annotations: merged }, spec };
    return sameContent(present, next) ? present : next;
  }

  /** From the time when made anew, so that one that was deleted goes on higher than it was. */
  #sequence(wanted: WantedAnchors, present: AnchorSet | undefined): number {
    if (!present) return Math.floor(this.#deps.now() / 1000);
    const { anchors, trustDomain, sequence } = present.spec;
    return anchors === wanted.anchors && trustDomain === wanted.trustDomain ? sequence : sequence + 1;
  }
}

/** All but the status, which is written more often. */
function sameContent(a: AnchorSet, b: AnchorSet): boolean {
  return sameFields(a.spec, b.spec) && sameFields(a.metadata.annotations ?? {}, b.metadata.annotations ?? {});
}

function sameFields(a: object, b: object): boolean {
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([name, value]) => right.get(name) === value);
}

function later(cached: AnchorSet | undefined, written: AnchorSet | undefined): AnchorSet | undefined {
  return written && !(cached && isAsNew(cached, written)) ? written : cached;
}

/** Versions of one resource grow as numbers do. */
function isAsNew(one: AnchorSet, other: AnchorSet): boolean {
  return versionOf(one) >= versionOf(other);
}

function versionOf({ metadata }: AnchorSet): bigint {
  return BigInt(metadata.resourceVersion ?? '0');
}
