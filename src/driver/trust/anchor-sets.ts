import {
  type AnchorSet,
  anchorsHash,
  anchorSetName,
  type AnchorSetSpec,
  type AnchorSource,
  anchorSourceText,
} from '../../api/anchor-set.ts';
import { type Change, type Clock, isKubeError, type Reflector, sleep } from '../../kube/index.ts';
import type { Certificate } from '../../pki/index.ts';
import type { Logger } from '../../runtime/log.ts';
import { VolumeError } from '../volume/volume-error.ts';

/** An anchor set with the last of its states that can be used. */
export interface KnownSet {
  /** Of the AnchorSet. */
  readonly name: string;
  /** PEM, never empty. */
  readonly anchors: string;
  readonly hash: string;
  readonly sequence: number;
  readonly refreshHintSeconds: number | undefined;
  readonly trustDomain: string | undefined;
  /** Of the state that the set has now, which differs from {@link hash} where that one cannot be used. */
  readonly presentHash: string;
  /** When the anchors were heard of, milliseconds since the epoch. */
  readonly heardAt: number;
  readonly reissue: Reissue | undefined;
}

/** Certificates from before a time are to be renewed at once, spread over a while. */
export interface Reissue {
  /** Milliseconds since the epoch. */
  readonly before: number;
  readonly seconds: number;
}

/** What is known of anchor sets at this moment. */
export interface AnchorLookup {
  /** `unknown` until the API server was heard; `absent` where it has no AnchorSets, or does not show them. */
  readonly state: 'unknown' | 'known' | 'absent';
  find(source: AnchorSource): KnownSet | undefined;
}

export interface AnchorSetsDependencies {
  /** Of all AnchorSets. */
  readonly reflector: (onError: (error: unknown) => void) => Reflector<AnchorSet>;
  /** The AnchorSet of this name as it is at this moment. Throws KubeError. */
  readonly read: (name: string, signal: AbortSignal) => Promise<AnchorSet | undefined>;
  /** Throws for what is no list of certificates. */
  readonly readAnchors: (pem: string) => readonly Certificate[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

interface Entry {
  readonly source: string;
  readonly spec: AnchorSetSpec;
  readonly hash: string;
  readonly heardAt: number;
  /** Anchors are read when a volume first uses them: most sets of a cluster have no volume on the node. */
  usable: boolean | undefined;
  /** The state before, until this one is found usable. */
  before: Entry | undefined;
}

/** Each node asks so rarely for what its cluster does not have; half of it is random. */
const absentRetryMs = 120_000;

/** The anchor sets of the cluster. One that becomes empty or unreadable keeps its last state. */
export class AnchorSets implements AnchorLookup {
  readonly #deps: AnchorSetsDependencies;
  readonly #reflector: Reflector<AnchorSet>;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(source: string | undefined) => void>();
  #attempt = new AbortController();
  #isAbsent = false;

  constructor(_options: Record<never, never>, dependencies: AnchorSetsDependencies) {
    this.#deps = dependencies;
    this.#reflector = dependencies.reflector((error) => this.#onError(error));
    this.#reflector.subscribe((change) => this.#onChange(change));
  }

  get state(): AnchorLookup['state'] {
    if (this.#reflector.synced) return 'known';
    return this.#isAbsent ? 'absent' : 'unknown';
  }

  /** @returns undefined also while there never was a state that can be used */
  find(source: AnchorSource): KnownSet | undefined {
    const name = anchorSetName(source);
    const present = this.#entryFor(source);
    const entry = present && this.#usable(name, present);
    if (present === undefined || entry === undefined) return undefined;
    const { anchors, refreshHintSeconds, sequence, trustDomain } = entry.spec;
    return {
      name,
      anchors,
      hash: entry.hash,
      sequence,
      refreshHintSeconds,
      trustDomain,
      presentHash: present.hash,
      heardAt: entry.heardAt,
      reissue: reissueOf(present.spec),
    };
  }

  /** Of the anchors that the set has now, whether or not they can be used; undefined where there is no such set. */
  presentHash(source: AnchorSource): string | undefined {
    return this.#entryFor(source)?.hash;
  }

  /**
   * Asks the API server whether what was heard of the set is what it is at this moment: a watch may be behind what other
   * objects tell already.
   *
   * @throws {KubeError}
   */
  async isCurrent(source: AnchorSource, signal: AbortSignal): Promise<boolean> {
    const now = await this.#deps.read(anchorSetName(source), signal);
    return now !== undefined && anchorsHash(now.spec.anchors) === this.presentHash(source);
  }

  /** How many there are, and how many of those in use have a state that cannot be used. */
  count(): { readonly sets: number; readonly refused: number } {
    let refused = 0;
    for (const { usable } of this.#entries.values()) if (usable === false) refused += 1;
    return { sets: this.#entries.size, refused };
  }

  /** Calls with the source of each set that changes, and without one when {@link state} does. */
  subscribe(listener: (source: string | undefined) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Resolves as soon as nothing is unmet any more.
   *
   * @param unmet for people to read; undefined when everything is there
   * @throws {VolumeError} `not-issued-yet`, or the signal's own reason, when the signal aborts first
   */
  async whenMet(unmet: () => string | undefined, signal: AbortSignal): Promise<void> {
    const met = Promise.withResolvers<void>();
    const look = (): void => {
      if (unmet() === undefined) met.resolve();
    };
    const aborted = (): void => met.reject(signal.reason as Error);
    this.#listeners.add(look);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      look();
      if (signal.aborted) aborted();
      await met.promise;
    } catch (error) {
      if (error instanceof VolumeError && error.reason !== 'not-issued-yet') throw error;
      throw new VolumeError('not-issued-yet', `the volume waits for ${unmet() ?? 'its trust anchors'}`, {
        cause: error,
      });
    } finally {
      this.#listeners.delete(look);
      signal.removeEventListener('abort', aborted);
    }
  }

  /** Keeps up with the API server until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    this.#reflector.whenSynced(signal).then(
      () => this.#tell(undefined),
      () => {},
    );
    while (!signal.aborted) {
      this.#attempt = new AbortController();
      await this.#reflector.run(AbortSignal.any([signal, this.#attempt.signal]));
      await sleep(clock, absentRetryMs * (1 - random() / 2), signal).catch(() => {});
    }
  }

  #onError(error: unknown): void {
    const { log } = this.#deps;
    if (!isKubeError(error, 'not-found', 'forbidden')) {
      log.warn({ error, resource: 'anchorsets' }, 'watch interrupted');
      return;
    }
    // Told once: a cluster without certmount's controller is as good as another.
    if (!this.#isAbsent) {
      if (error.reason === 'forbidden')
        log.warn({ error, resource: 'anchorsets' }, 'the driver may not read AnchorSets');
      else
        log.info({ resource: 'anchorsets' }, 'there are no AnchorSets: anchors come with certificates alone');
    }
    this.#isAbsent = true;
    this.#attempt.abort();
    this.#tell(undefined);
  }

  #onChange({ object, type }: Change<AnchorSet>): void {
    const { metadata, spec } = object;
    const name = metadata.name ?? '';
    const earlier = this.#entries.get(name);
    this.#isAbsent = false;
    if (type === 'deleted') this.#entries.delete(name);
    else this.#entries.set(name, this.#entryOf(spec, earlier));
    // Of the first list it is told once: each time all volumes of the node are looked at.
    if (!this.#reflector.synced) return;
    // Most changes are of the status, and all nodes hear of them.
    if (type !== 'deleted' && earlier !== undefined && isSameSpec(spec, earlier.spec)) return;
    this.#tell(spec.source);
  }

  #entryOf(spec: AnchorSetSpec, earlier: Entry | undefined): Entry {
    const hash = anchorsHash(spec.anchors);
    const { source } = spec;
    if (earlier?.source !== source)
      return { source, spec, hash, heardAt: this.#deps.clock.now(), usable: undefined, before: undefined };
    if (earlier.hash === hash) return { ...earlier, spec };
    const before = earlier.usable === true ? { ...earlier, before: undefined } : earlier.before;
    return { source, spec, hash, heardAt: this.#deps.clock.now(), usable: undefined, before };
  }

  #entryFor(source: AnchorSource): Entry | undefined {
    const entry = this.#entries.get(anchorSetName(source));
    // The name is cut where it would be too long, and in small letters.
    return entry?.source === anchorSourceText(source) ? entry : undefined;
  }

  /** The state to use: an empty set would take from live volumes what they verify their peers with. */
  #usable(name: string, entry: Entry): Entry | undefined {
    entry.usable ??= this.#isReadable(name, entry);
    if (!entry.usable) return entry.before;
    entry.before = undefined;
    return entry;
  }

  #isReadable(name: string, { before, spec }: Entry): boolean {
    const { log, readAnchors } = this.#deps;
    try {
      readAnchors(spec.anchors);
      return true;
    } catch (error) {
      const instead = before === undefined ? 'it is as if there were none' : 'its last state stays in use';
      log.error({ error, trustBundle: name }, `the anchors of an AnchorSet cannot be used; ${instead}`);
      return false;
    }
  }

  #tell(source: string | undefined): void {
    for (const listener of this.#listeners) listener(source);
  }
}

/** Keeps of an AnchorSet what is read. */
export function slimAnchorSet({ metadata, spec }: AnchorSet): AnchorSet {
  const { name, resourceVersion, uid } = metadata;
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec,
  };
}

function isSameSpec(one: AnchorSetSpec, other: AnchorSetSpec): boolean {
  return (Object.keys({ ...one, ...other }) as (keyof AnchorSetSpec)[]).every(
    (field) => one[field] === other[field],
  );
}

function reissueOf({ reissueBefore, reissueSeconds = 0 }: AnchorSetSpec): Reissue | undefined {
  const before = Date.parse(reissueBefore ?? '');
  return Number.isNaN(before) ? undefined : { before, seconds: Math.max(reissueSeconds, 0) };
}
