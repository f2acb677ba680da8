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
/** While something is on its way people look on. */
const movingMs = 2_000;
/** Else only the number of nodes changes. Every driver is told of each write, so that it must stay rare. */
const restingMs = 60_000;

/** Writes into the AnchorSets how many nodes have them. */
export class CoverageReporter {
  readonly #deps: CoverageReporterDependencies;
  readonly #queue: WorkQueue;
  readonly #writtenAt = new Map<string, number>();

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
    const { clock, find, coverage, rotation, writeStatus } = this.#deps;
    const set = find(name);
    const source = set && parseAnchorSource(set.spec.source);
    if (!set || !source || anchorSetName(source) !== name) {
      this.#writtenAt.delete(name);
      return;
    }
    const found = coverage([{ name, hash: anchorsHash(set.spec.anchors) }]);
    if (!found) return;
    const now = clock.now();
    const status = statusOf(set, found, rotation(source), now);
    if (sameStatus(set.status, status)) return;
    const moving = rotation(source)?.status === 'True' || found.covered < found.nodes;
    const earliest = (this.#writtenAt.get(name) ?? 0) + (moving ? movingMs : restingMs);
    if (now < earliest) return { requeueAfterMs: earliest - now };
    await writeStatus(source, status);
    this.#writtenAt.set(name, now);
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
