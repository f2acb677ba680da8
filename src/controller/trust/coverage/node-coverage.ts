import { mostAppliedSets } from '../../../api/node-trust.ts';
import type { NodeTrust } from '../../../api/node-trust.ts';
import type { Change } from '../../../kube/index.ts';
import { pickMetadata } from '../../slim-object.ts';

export interface Coverage {
  /** Nodes with volumes that trust one of the sets. */
  readonly nodes: number;
  /** Those of them whose volumes all have the anchors that they should. */
  readonly covered: number;
  /** Names of the first few of the others. */
  readonly missing: readonly string[];
}

/** Anchors of a set that a node must have to count. */
export interface SetState {
  /** Of the AnchorSet. */
  readonly name: string;
  /** Undefined for what no node can have yet. */
  readonly hash: string | undefined;
}

interface Report {
  readonly node: string;
  readonly hash: string;
}

/** How many of the nodes that lack something are named. */
const named = 10;

/** Drivers of one node that are counted: admission lets it have three. */
const mostDrivers = 8;

/** What the drivers say that their volumes have, by anchor set. */
export class NodeCoverage {
  /** Of each set, by the NodeTrust that tells of it: two drivers of a node have one each. */
  readonly #reports = new Map<string, Map<string, Report>>();
  readonly #setsOf = new Map<string, ReadonlySet<string>>();
  /** Of each node, the NodeTrusts that are counted. */
  readonly #driversOf = new Map<string, Set<string>>();
  readonly #listeners: ((set: string) => void)[] = [];

  /** Told of each set whose coverage may have changed. */
  subscribe(listener: (set: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Listener of the NodeTrusts' watch. */
  readonly onChange = ({ type, object }: Change<NodeTrust>): void => {
    const name = object.metadata.name ?? '';
    // Whoever wrote it may hold up its end for ever.
    const isGone =
      type === 'deleted' ||
      object.metadata.deletionTimestamp !== undefined ||
      !this.#isCounted(object.spec.nodeName, name);
    if (isGone) this.#forget(object.spec.nodeName, name);
    const sets = new Map(isGone ? [] : object.spec.sets.map((set) => [set.name, set.hash]));
    const before = this.#setsOf.get(name) ?? new Set();
    const changed = [...before].filter((set) => !sets.has(set));
    for (const set of changed) this.#remove(set, name);
    for (const [set, hash] of sets) {
      const report = { node: object.spec.nodeName, hash };
      if (this.#put(set, name, report)) changed.push(set);
    }
    if (sets.size === 0) this.#setsOf.delete(name);
    else this.#setsOf.set(name, new Set(sets.keys()));
    for (const set of changed) for (const listener of this.#listeners) listener(set);
  };

  of(sets: readonly SetState[]): Coverage {
    const nodes = new Map<string, boolean>();
    for (const { name, hash } of sets) {
      for (const report of this.#reports.get(name)?.values() ?? []) {
        nodes.set(report.node, (nodes.get(report.node) ?? true) && report.hash === hash);
      }
    }
    const missing = [...nodes].filter(([, has]) => !has).map(([node]) => node);
    return {
      nodes: nodes.size,
      covered: nodes.size - missing.length,
      missing: missing.toSorted().slice(0, named),
    };
  }

  #isCounted(node: string, name: string): boolean {
    const drivers = this.#driversOf.get(node) ?? new Set();
    if (drivers.size < mostDrivers) this.#driversOf.set(node, drivers.add(name));
    return drivers.has(name);
  }

  #forget(node: string, name: string): void {
    const drivers = this.#driversOf.get(node);
    drivers?.delete(name);
    if (drivers?.size === 0) this.#driversOf.delete(node);
  }

  #put(set: string, name: string, report: Report): boolean {
    const reports = this.#reports.get(set) ?? new Map<string, Report>();
    this.#reports.set(set, reports);
    const before = reports.get(name);
    reports.set(name, report);
    return before?.hash !== report.hash || before.node !== report.node;
  }

  #remove(set: string, name: string): void {
    const reports = this.#reports.get(set);
    reports?.delete(name);
    if (reports?.size === 0) this.#reports.delete(set);
  }
}

/** Of a NodeTrust what is counted. For caches. */
export function slimNodeTrust({ metadata, spec }: NodeTrust): NodeTrust {
  const sets = spec.sets
    .slice(0, mostAppliedSets)
    .map(({ name, hash }) => ({ name, hash, volumes: 0, behind: 0 }));
  return {
    metadata: pickMetadata(metadata, 'name', 'uid', 'resourceVersion', 'deletionTimestamp'),
    spec: { ...spec, sets },
  };
}
