import { anchorSetName, anchorsHash, parseAnchorSource } from '../../../api/anchor-set.ts';
import type { AnchorSet, AnchorSetStatus, AnchorSource } from '../../../api/anchor-set.ts';
import { setCondition } from '../../../api/condition.ts';
import { WorkQueue } from '../../../kube/index.ts';
import type { Clock } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { RotationReport } from '../rotation/rotation-report.ts';
import type { Coverage, SetState } from './node-coverage.ts';

export interface CoverageReporterDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (name: string) => AnchorSet | undefined;
  /** Undefined while it is not known what the nodes have. */
  readonly coverage: (sets: readonly SetState[]) => Coverage | undefined;
  /** Of a set whose source rotates. */
  readonly rotation: (source: AnchorSource) => RotationReport | undefined;
  /** One API write; throws KubeError. */
  readonly writeStatus: (source: AnchorSource, status: AnchorSetStatus) => Promise<void>;
  readonly log: Logger;
}

const soonMs = 250;

// Every driver is told of each write, with all of the anchors. While these are on their way people look on; else only the
// number of nodes changes.

const ofIssuers = { movingMs: 2_000, restingMs: 60_000 };
/** Which may have all public roots. */
const ofBundles = { movingMs: 10_000, restingMs: 10 * 60_000 };
/** Half as much again, at random, so that the Bundles of a cluster are not told of together. */
const spread = 0.5;

/** Writes into the AnchorSets how many nodes have them. */
export class CoverageReporter {
  readonly #deps: CoverageReporterDependencies;
  readonly #queue: WorkQueue;
  /** When each was written, and by how much longer than others it waits for the next time, from 0 to 1. */
  readonly #written = new Map<string, { readonly at: number; readonly late: number }>();

  constructor(deps: CoverageReporterDependencies) {
    this.#deps = deps;
    this.#queue = new WorkQueue(
      { workers: 2, baseDelayMs: 1_000, maxDelayMs: 60_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (name) => this.#reconcile(name),
        onError: (anchorSet, error, retryInMs) =>
          deps.log.warn({ anchorSet, error, retryInMs }, 'status not written, trying again'),
      },
    );
  }

  /** The set or its source's rotation has changed. */
  touch(set: string): void {
    this.#queue.add(set);
  }

  /** Its coverage has, which each node does in turn: a look goes through all of them. */
  touchSoon(set: string): void {
    this.#queue.addAfter(set, soonMs);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(name: string): Promise<{ requeueAfterMs: number } | void> {
    const { clock, find, coverage, random, rotation, writeStatus } = this.#deps;
    const set = find(name);
    const source = set && parseAnchorSource(set.spec.source);
    if (!set || !source || anchorSetName(source) !== name) {
      this.#written.delete(name);
      return;
    }
    const found = coverage([{ name, hash: anchorsHash(set.spec.anchors) }]);
    if (!found) return;
    const now = clock.now();
    const status = statusOf(set, found, rotation(source), now);
    if (sameStatus(set.status, status)) return;
    const moving = rotation(source)?.status === 'True' || found.covered < found.nodes;
    const { movingMs, restingMs } = source.kind === 'Bundle' ? ofBundles : ofIssuers;
    const { at, late } = this.#written.get(name) ?? { at: 0, late: 0 };
    const earliest = at + (moving ? movingMs : restingMs * (1 + spread * late));
    if (now < earliest) return { requeueAfterMs: earliest - now };
    await writeStatus(source, status);
    this.#written.set(name, { at: now, late: random() });
  }
}

function statusOf(
  { status, metadata }: AnchorSet,
  { nodes, covered, missing }: Coverage,
  report: RotationReport | undefined,
  now: number,
): AnchorSetStatus {
  const { generation } = metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const present = status?.conditions;
  const conditions = report
    ? setCondition(present, { type: 'Rotating', ...report, ...observed }, now)
    : present;
  return {
    ...(conditions && { conditions }),
    coverage: { nodes, covered, ...(missing.length > 0 && { missing: [...missing] }) },
  };
}

/** But for which generation it was observed of: that alone is not worth a write. */
function sameStatus(present: AnchorSetStatus | undefined, wanted: AnchorSetStatus): boolean {
  return essence(present) === essence(wanted);
}

function essence(status: AnchorSetStatus | undefined): string {
  const conditions = status?.conditions?.map(({ type, status: state, reason, message }) => [
    type,
    state,
    reason,
    message,
  ]);
  const { nodes, covered, missing } = status?.coverage ?? {};
  return JSON.stringify([conditions, nodes, covered, missing]);
}
