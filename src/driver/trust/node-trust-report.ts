import { type AppliedAnchorSet, mostAppliedSets, type NodeTrust, nodeTrusts } from '../../api/node-trust.ts';
import {
  apiVersionOf,
  backoffMs,
  type Clock,
  isKubeError,
  type OwnerReference,
  type Resource,
  sleep,
  type Timer,
} from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { RequesterIdentity } from '../volume/issuance/requester.ts';

export interface NodeTrustReportOptions {
  readonly driverName: string;
}

export interface NodeTrustReportDependencies {
  readonly nodeTrusts: Pick<Resource<NodeTrust>, 'create' | 'patch'>;
  /** Who the driver is to the API server. */
  readonly identity: () => Promise<RequesterIdentity>;
  /** What is to be reported, as it is now, in the order of names. */
  readonly sets: () => AppliedAnchorSet[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

interface BoundNode {
  readonly name: string;
  readonly uid: string;
}

/** One write tells of all volumes of a swap. */
const debounceMs = 500;
/** At random beside it: all nodes hear of a change in the same moment. */
const jitterMs = 2_000;
/** Pods come and go: how many volumes there are is told no more often. */
const countsMs = 60_000;
/** What somebody has deleted comes back in so long; a write that changes nothing is none to the API server. */
const resendMs = 15 * 60_000;
const retry = { baseMs: 1_000, maxMs: 120_000 };

/** Claims of a token that is bound to a pod (KEP-4193). */
const nodeClaims = {
  name: 'authentication.kubernetes.io/node-name',
  uid: 'authentication.kubernetes.io/node-uid',
} as const;

/** Tells the controller which anchors the volumes of this node have, so that no new CA signs before they trust it. */
export class NodeTrustReport {
  readonly #options: NodeTrustReportOptions;
  readonly #deps: NodeTrustReportDependencies;
  #sent: readonly AppliedAnchorSet[] | undefined;
  #sentAt = 0;
  #sentBy: BoundNode | undefined;
  #isCut = false;
  #changed = Promise.withResolvers<void>();
  #timer: Timer | undefined;

  constructor(options: NodeTrustReportOptions, dependencies: NodeTrustReportDependencies) {
    this.#options = options;
    this.#deps = dependencies;
  }

  /** Something that is reported may have changed. */
  changed(): void {
    this.#changed.resolve();
  }

  /** Reports until the signal aborts, from the first change on. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#deps;
    let failures = 0;
    signal.addEventListener('abort', () => this.#end(), { once: true });
    for (;;) {
      await this.#changed.promise;
      await sleep(clock, debounceMs + random() * jitterMs, signal).catch(() => {});
      if (signal.aborted) return;
      this.#changed = Promise.withResolvers();
      try {
        // Each time: the Node may be made anew under the same name.
        const node = boundNode(await this.#deps.identity());
        if (node === undefined) {
          log.info({}, 'no NodeTrust is written: the credentials of the driver are bound to no node');
          return;
        }
        const wait = await this.#report(node, signal);
        failures = 0;
        this.#later(wait);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        const retryInMs = Math.round(backoffMs(failures, retry, random));
        log.warn(
          { error, retryInMs, resource: 'nodetrusts' },
          'cannot report the trust anchors of this node',
        );
        this.changed();
        await sleep(clock, retryInMs, signal).catch(() => {});
      }
    }
  }

  /** @returns milliseconds until it is to be looked at again, though nothing changes before */
  async #report(node: BoundNode, signal: AbortSignal): Promise<number> {
    const sets = this.#setsToName();
    if (node.uid !== this.#sentBy?.uid) this.#sent = undefined;
    const age = Math.abs(this.#deps.clock.now() - this.#sentAt);
    if (age < resendMs && JSON.stringify(sets) === JSON.stringify(this.#sent)) return resendMs - age;
    if (this.#sent !== undefined && age < countsMs && isSameTrust(sets, this.#sent)) return countsMs - age;
    await this.#write(node, sets, signal);
    this.#sent = sets;
    this.#sentBy = node;
    this.#sentAt = this.#deps.clock.now();
    return resendMs * (1 + this.#deps.random());
  }

  /** Issuers of namespaces come last by name, and anybody who may make those can make many: they harm no others. */
  #setsToName(): AppliedAnchorSet[] {
    const sets = this.#deps.sets();
    const isCut = sets.length > mostAppliedSets;
    if (isCut && !this.#isCut)
      this.#deps.log.warn(
        { count: sets.length },
        `a NodeTrust can name ${mostAppliedSets} anchor sets at most`,
      );
    this.#isCut = isCut;
    return isCut ? sets.slice(0, mostAppliedSets) : sets;
  }

  /** Both ways, because somebody may have deleted what was there; a node without such volumes needs none. */
  async #write(node: BoundNode, sets: AppliedAnchorSet[], signal: AbortSignal): Promise<void> {
    const { nodeTrusts: resource } = this.#deps;
    const report = this.#object(node, sets);
    const { metadata, spec } = report;
    const { name = '', ownerReferences } = metadata;
    try {
      await resource.patch({ name }, { metadata: { ownerReferences }, spec }, { signal });
    } catch (error) {
      if (!isKubeError(error, 'not-found')) throw error;
      if (sets.length > 0) await resource.create(report, { signal });
    }
  }

  #object({ name: nodeName, uid }: BoundNode, sets: AppliedAnchorSet[]): NodeTrust {
    const { driverName } = this.#options;
    const owner: OwnerReference = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid };
    return {
      apiVersion: apiVersionOf(nodeTrusts),
      kind: nodeTrusts.kind,
      metadata: { name: `${nodeName}.${driverName}`, ownerReferences: [owner] },
      spec: { nodeName, driverName, sets },
    };
  }

  #end(): void {
    this.#timer?.cancel();
    this.changed();
  }

  /** One timer: the latest time holds. */
  #later(wait: number): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.setTimer(() => this.changed(), wait);
  }
}

function boundNode({ extra = {} }: RequesterIdentity): BoundNode | undefined {
  const [name] = extra[nodeClaims.name] ?? [];
  const [uid] = extra[nodeClaims.uid] ?? [];
  return name === undefined || uid === undefined ? undefined : { name, uid };
}

/** But for how many volumes have each set. */
function isSameTrust(one: readonly AppliedAnchorSet[], other: readonly AppliedAnchorSet[]): boolean {
  return JSON.stringify(one.map(withoutCount)) === JSON.stringify(other.map(withoutCount));
}

function withoutCount({ behind, hash, name }: AppliedAnchorSet): object {
  return { name, hash, behind };
}
