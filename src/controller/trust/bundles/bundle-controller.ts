import { anchorsHash } from '../../../api/anchor-set.ts';
import type { AnchorSource } from '../../../api/anchor-set.ts';
import type { Bundle, BundleStatus } from '../../../api/bundle.ts';
import { getCondition, sameConditions, setCondition } from '../../../api/condition.ts';
import type { ConditionUpdate } from '../../../api/condition.ts';
import { isKubeError, WorkQueue } from '../../../kube/index.ts';
import type { Clock } from '../../../kube/index.ts';
import type { Certificate } from '../../../pki/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { EventRecorder } from '../../events/event-recorder.ts';
import type { AnchorSetWriter } from '../anchor-sets/anchor-set-writer.ts';
import { setCertificates } from '../anchor-sets/set-certificates.ts';
import { leftOutText, syncedCondition } from './bundle-condition.ts';
import type { BundleFigures } from './bundle-metrics.ts';
import { isPublishable } from './gather-anchors.ts';
import type { SourceContent } from './gather-anchors.ts';
import { resolveBundle } from './resolve-bundle.ts';
import type { BundleProblem, ResolvedBundle } from './resolve-bundle.ts';
import type { ClusterTrustBundleTarget } from './targets/cluster-trust-bundle-target.ts';
import type { TargetController } from './targets/target-controller.ts';

export interface BundleControllerOptions {
  readonly secretTargets: boolean;
}

export interface BundleControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (name: string) => Bundle | undefined;
  /** Says which of the sources are needed from now on: none for a Bundle that is gone. */
  readonly want: (name: string, bundle: Bundle | undefined) => void;
  readonly read: (bundle: Bundle) => readonly SourceContent[];
  readonly defaultCAVersion: () => string;
  readonly anchorSets: Pick<AnchorSetWriter, 'get' | 'write'>;
  readonly targets: Pick<TargetController, 'want' | 'forget' | 'failures' | 'isPending' | 'lacking'>;
  readonly clusterTrustBundles: Pick<ClusterTrustBundleTarget, 'publish' | 'withdraw'>;
  /** What it hands on may be something else than before, or could not be published. */
  readonly onPublished: (bundle: Bundle) => void;
  /** One API write; throws KubeError. */
  readonly writeStatus: (bundle: Bundle, status: BundleStatus) => Promise<void>;
  readonly events: EventRecorder;
  readonly log: Logger;
}

interface BundleState {
  /** Its sources, or itself, are to be looked at anew. */
  changed: boolean;
  /** What it came to is to be published again. */
  unpublished: boolean;
  /** Of the last attempt to publish it. */
  publishProblems: readonly BundleProblem[];
  resolved?: ResolvedBundle;
  /** What was published last, of all that is to be. */
  published?: { readonly pems: ReadonlySet<string>; readonly hash: string };
}

/** Brings what Bundles gather to where they want it, and says in their conditions how far that is done. */
export class BundleController {
  readonly #options: BundleControllerOptions;
  readonly #deps: BundleControllerDependencies;
  readonly #queue: WorkQueue;
  readonly #states = new Map<string, BundleState>();

  constructor(options: BundleControllerOptions, deps: BundleControllerDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#queue = new WorkQueue(
      { workers: 4, baseDelayMs: 1_000, maxDelayMs: 300_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (name) => this.#reconcile(name),
        onError: (trustBundle, error, retryInMs) =>
          deps.log.warn({ trustBundle, error, retryInMs }, 'failed, trying again'),
      },
    );
  }

  /** The Bundle, or something that it is made from, has changed; or it is gone. */
  changed(name: string): void {
    this.#state(name).changed = true;
    this.#queue.add(name);
  }

  /** What was published of it is not what was written. */
  publishedChanged(name: string): void {
    const state = this.#states.get(name);
    if (state === undefined) return;
    state.unpublished = true;
    this.#queue.add(name);
  }

  /** Its targets got on. */
  settled(name: string): void {
    if (!this.#states.has(name)) return;
    this.#queue.add(name);
    const bundle = this.#deps.find(name);
    if (bundle) this.#deps.onPublished(bundle);
  }

  /** Why what it publishes lacks some of these, for people; undefined when it has all that a Bundle can have. */
  lacks(name: string, anchors: readonly Certificate[]): string | undefined {
    const { published, publishProblems = [] } = this.#states.get(name) ?? {};
    const now = this.#deps.clock.now();
    const missing = anchors.some((anchor) => isPublishable(anchor, now) && !published?.pems.has(anchor.pem));
    const [problem] = publishProblems;
    if (missing) return `Bundle ${name} lacks it${problem ? ` (${problem.message})` : ''}`;
    const lacking = this.#deps.targets.lacking(name);
    return lacking && `Bundle ${name} has not brought it to ${lacking}`;
  }

  /** Of what the AnchorSet was last given. */
  publishedHash(name: string): string | undefined {
    return this.#states.get(name)?.published?.hash;
  }

  figures(bundles: Iterable<Bundle>): BundleFigures {
    const counts = { synced: 0, failed: 0 };
    for (const { status } of bundles) {
      const synced = getCondition(status?.conditions, 'Synced');
      if (synced !== undefined) counts[synced.status === 'True' ? 'synced' : 'failed'] += 1;
    }
    const leftOut = { duplicate: 0, expired: 0, 'not-ca': 0, unreadable: 0 };
    for (const { resolved } of this.#states.values()) {
      for (const { reason } of resolved?.gathered.leftOut ?? []) leftOut[reason] += 1;
    }
    return { bundles: counts, leftOut };
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(name: string): Promise<void | { requeueAfterMs: number }> {
    const { find, clock } = this.#deps;
    const bundle = find(name);
    if (bundle === undefined) {
      await this.#forget(name);
      return;
    }
    // Its targets go with it; who has a finalizer on it may still want to see them.
    if (bundle.metadata.deletionTimestamp !== undefined) return;
    const state = this.#state(name);
    if ((state.resolved?.changesAt ?? Infinity) <= clock.now()) state.changed = true;
    if (state.changed && !this.#resolve(bundle, state)) return;
    const { resolved } = state;
    if (resolved === undefined) return;
    let failure: Error | undefined;
    if (state.unpublished) {
      failure = await this.#publish(bundle, state, resolved);
      this.#deps.onPublished(bundle);
    }
    const isTold = await this.#report(bundle, resolved, state.publishProblems);
    if (failure !== undefined) throw failure;
    if (!isTold) return { requeueAfterMs: toldAgainMs };
    const { changesAt } = resolved;
    return changesAt === undefined ? undefined : { requeueAfterMs: Math.max(0, changesAt - clock.now()) };
  }

  async #forget(name: string): Promise<void> {
    const { want, targets, clusterTrustBundles } = this.#deps;
    want(name, undefined);
    targets.forget(name);
    await clusterTrustBundles.withdraw(name);
    this.#states.delete(name);
    this.#queue.forget(name);
  }

  /** @returns false while a source is not known */
  #resolve(bundle: Bundle, state: BundleState): boolean {
    const { clock, read, targets, want } = this.#deps;
    const { name = '' } = bundle.metadata;
    want(name, bundle);
    const contents = read(bundle);
    if (contents.some((content) => content.state === 'loading')) return false;
    state.changed = false;
    const before = state.resolved;
    const resolved = resolveBundle(bundle, contents, {
      now: clock.now(),
      secretTargets: this.#options.secretTargets,
      published: () => setCertificates(this.#deps.anchorSets.get(setOf(name))),
      before,
    });
    state.resolved = resolved;
    state.unpublished = true;
    // With nothing to write, what was written before stays.
    if (resolved.anchors.length > 0) {
      const namespaceSelector = bundle.spec.target?.namespaceSelector ?? {};
      targets.want(name, { namespaceSelector, kinds: resolved.targets.kinds });
    }
    this.#tellLeftOut(bundle, resolved, before);
    return true;
  }

  /** @returns what went wrong, which the condition is to tell of before it is tried again */
  async #publish(bundle: Bundle, state: BundleState, resolved: ResolvedBundle): Promise<Error | undefined> {
    const { anchors, refreshHintSeconds } = resolved;
    state.unpublished = false;
    state.publishProblems = [];
    if (anchors.length === 0) return undefined;
    const { anchorSets, clusterTrustBundles } = this.#deps;
    const source = setOf(bundle.metadata.name ?? '');
    const pem = anchors.map((anchor) => anchor.pem).join('');
    try {
      const trustDomain = this.#trustDomain(source, resolved);
      await anchorSets.write(source, {
        anchors: pem,
        ...(trustDomain !== undefined && { trustDomain }),
        ...(refreshHintSeconds !== undefined && { refreshHintSeconds }),
      });
      const isServed = await clusterTrustBundles.publish(bundle, pem);
      state.published = { pems: new Set(anchors.map((anchor) => anchor.pem)), hash: anchorsHash(pem) };
      if (isServed) return undefined;
      const message = 'target.clusterTrustBundle is not written: the cluster has no ClusterTrustBundles';
      state.publishProblems = [{ reason: 'ClusterTrustBundlesNotServed', message }];
      return undefined;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      state.unpublished = true;
      state.publishProblems = [{ reason: 'PublishFailed', message: `not published: ${failure.message}` }];
      return failure;
    }
  }

  /** That of before while the annotation is wrong: a slip there must not end a federation. */
  #trustDomain(source: AnchorSource, { trustDomain, problems }: ResolvedBundle): string | undefined {
    if (trustDomain !== undefined) return trustDomain;
    const isWrong = problems.some(({ reason }) => reason === 'InvalidAnnotation');
    return isWrong ? this.#deps.anchorSets.get(source)?.spec.trustDomain : undefined;
  }

  /** @returns false when somebody else has changed the Bundle meanwhile: the watch is behind */
  async #report(
    bundle: Bundle,
    resolved: ResolvedBundle,
    problems: readonly BundleProblem[],
  ): Promise<boolean> {
    const { clock, defaultCAVersion, log, targets, writeStatus } = this.#deps;
    const { name = '' } = bundle.metadata;
    // The last of them brings the Bundle back.
    if (targets.isPending(name)) return true;
    const condition = syncedCondition(bundle, resolved, targets.failures(name), [
      ...resolved.problems,
      ...problems,
    ]);
    const { status } = bundle;
    const conditions = setCondition(status?.conditions, condition, clock.now());
    const usesDefaults = bundle.spec.sources.some(({ useDefaultCAs }) => useDefaultCAs === true);
    const version = usesDefaults ? defaultCAVersion() : undefined;
    if (sameConditions(status?.conditions, conditions) && status?.defaultCAVersion === version) return true;
    try {
      await writeStatus(bundle, { conditions, ...(version !== undefined && { defaultCAVersion: version }) });
    } catch (error) {
      if (isKubeError(error, 'conflict')) return false;
      if (isKubeError(error, 'not-found')) return true;
      throw error;
    }
    log.info(
      { trustBundle: name, reason: condition.reason, count: resolved.anchors.length },
      'bundle looked at',
    );
    this.#tellCondition(bundle, condition);
    return true;
  }

  #tellCondition(bundle: Bundle, { status, reason = '', message = '' }: ConditionUpdate): void {
    this.#deps.events.record(bundle, 'Bundle', status === 'True' ? 'Normal' : 'Warning', reason, message);
  }

  #tellLeftOut(bundle: Bundle, resolved: ResolvedBundle, before: ResolvedBundle | undefined): void {
    const leftOut = resolved.gathered.leftOut.filter(({ reason }) => reason !== 'duplicate');
    const text = leftOutText(leftOut);
    if (text === undefined || text === leftOutText(before?.gathered.leftOut ?? [])) return;
    this.#deps.events.record(bundle, 'Bundle', 'Warning', 'CertificatesLeftOut', text);
  }

  #state(name: string): BundleState {
    const state: BundleState = this.#states.get(name) ?? {
      changed: true,
      unpublished: false,
      publishProblems: [],
    };
    this.#states.set(name, state);
    return state;
  }
}

/** Long enough for the watch to bring what somebody else has written. */
const toldAgainMs = 1_000;

function setOf(name: string): AnchorSource {
  return { kind: 'Bundle', name };
}
