import { bundleHashAnnotation, bundleLabel } from '../../../../api/bundle.ts';
import type { LabelSelector, Namespace } from '../../../../api/core.ts';
import { selectsLabels } from '../../../../api/label-selector.ts';
import { parseKey, WorkQueue } from '../../../../kube/index.ts';
import type { Clock, ObjectKey } from '../../../../kube/index.ts';
import type { Logger } from '../../../../runtime/log.ts';
import { TrustError } from '../../trust-error.ts';
import { isOwnedBy, isTargetOf, targetPatch } from './present-target.ts';
import { RepeatLimit } from './repeat-limit.ts';
import { targetKinds } from './wanted-target.ts';
import type { TargetKind, WantedTarget } from './wanted-target.ts';
import type { TargetObject, TargetWriter } from './target-writer.ts';

/** What a Bundle has in namespaces. */
export interface WantedTargets {
  readonly namespaceSelector: LabelSelector;
  readonly kinds: ReadonlyMap<TargetKind, WantedTarget>;
}

/** Why a target is not what it should be. */
export interface TargetFailure {
  readonly message: string;
  /** There is something of its name that is not the Bundle's. */
  readonly isForeign: boolean;
}

export interface TargetControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly namespaces: { get(key: ObjectKey): Namespace | undefined; list(): Iterable<Namespace> };
  /** Slim, of all namespaces; by label, so that there are no others. */
  readonly present: (kind: TargetKind) => {
    get(key: ObjectKey): TargetObject | undefined;
    list(): Iterable<TargetObject>;
  };
  readonly writer: Pick<TargetWriter, 'put' | 'remove'>;
  /** No target of the Bundle waits any more, or another one fails than before. */
  readonly onSettled: (bundle: string) => void;
  readonly onFailure: () => void;
  readonly log: Logger;
}

/** Writes at once for one state of a target; more than one is another writer's doing. */
const rewrites = { times: 5, windowMs: 60_000 };

/**
 * Keeps the targets of Bundles what they should be, each by itself: one namespace that fails delays no other one. A target
 * that is as it should be costs nothing.
 */
export class TargetController {
  readonly #deps: TargetControllerDependencies;
  readonly #queue: WorkQueue;
  readonly #limit: RepeatLimit;
  /** Null for a Bundle that is gone: only what it owns is looked at. */
  readonly #wanted = new Map<string, WantedTargets | null>();
  /** Namespaces by Bundle. */
  readonly #pending = new Map<string, Set<string>>();
  readonly #failures = new Map<string, Map<string, TargetFailure>>();
  /** Bundles whose targets have not all been what these want since they want it. */
  readonly #lacking = new Set<string>();

  constructor(options: { readonly workers: number }, deps: TargetControllerDependencies) {
    this.#deps = deps;
    const { clock, random, log } = deps;
    this.#limit = new RepeatLimit(rewrites, clock);
    this.#queue = new WorkQueue(
      { workers: options.workers, baseDelayMs: 1_000, maxDelayMs: 300_000 },
      {
        clock,
        random,
        reconcile: (key) => this.#reconcile(key),
        onError: (key, error, retryInMs) => {
          deps.onFailure();
          const { namespace, name } = parseKey(key);
          log.warn({ trustBundle: name, namespace, error, retryInMs }, 'target not written, trying again');
        },
      },
    );
  }

  /** What a Bundle wants from now on. */
  want(bundle: string, wanted: WantedTargets): void {
    this.#wanted.set(bundle, wanted);
    for (const namespace of this.#deps.namespaces.list()) {
      const name = namespace.metadata.name ?? '';
      if (this.#differs(bundle, name)) {
        this.#lacking.add(bundle);
        this.#add(bundle, name);
      } else this.#cleared(bundle, name);
    }
  }

  /** The Bundle is gone, and so should be what it owns. */
  forget(bundle: string): void {
    this.#wanted.set(bundle, null);
    for (const kind of targetKinds) {
      for (const { metadata } of this.#deps.present(kind).list()) {
        if (metadata.name === bundle) this.#add(bundle, metadata.namespace ?? '');
      }
    }
    this.#end(bundle);
  }

  namespaceChanged(namespace: string): void {
    for (const bundle of this.#wanted.keys()) {
      if (this.#differs(bundle, namespace)) this.#add(bundle, namespace);
      else this.#cleared(bundle, namespace);
    }
  }

  targetChanged({ metadata }: TargetObject): void {
    const { name = '', namespace = '', labels } = metadata;
    if (labels?.[bundleLabel] === name && this.#differs(name, namespace)) this.#add(name, namespace);
  }

  isPending(bundle: string): boolean {
    return (this.#pending.get(bundle)?.size ?? 0) > 0;
  }

  /** By namespace. */
  failures(bundle: string): ReadonlyMap<string, TargetFailure> {
    return this.#failures.get(bundle) ?? new Map();
  }

  /**
   * Where what a Bundle wants has never been, for people; undefined when it has been everywhere. A namespace that is new, or
   * whose target somebody changes, begins with what is wanted now and holds up nobody.
   */
  lacking(bundle: string): string | undefined {
    if (!this.#lacking.has(bundle)) return undefined;
    const failing = this.#failing(bundle);
    if (failing.length === 0) return 'all namespaces yet';
    const more = failing.length > shownFailing ? ` and ${failing.length - shownFailing} more` : '';
    return `namespaces ${failing.slice(0, shownFailing).join(', ')}${more}`;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const { namespace = '', name: bundle } = parseKey(key);
    let failure: TargetFailure | undefined;
    try {
      const waitMs = await this.#sync(bundle, namespace);
      if (waitMs > 0) {
        failure = { message: 'somebody else keeps changing it', isForeign: false };
        return { requeueAfterMs: waitMs };
      }
    } catch (error) {
      const isForeign = error instanceof TrustError && error.reason === 'foreign';
      failure = { message: error instanceof Error ? error.message : String(error), isForeign };
      // It went while it was written to.
      if (!this.#isActive(namespace)) failure = undefined;
      else throw error;
    } finally {
      this.#settle(bundle, namespace, failure);
    }
  }

  /** @returns milliseconds to wait before the next try */
  async #sync(bundle: string, namespace: string): Promise<number> {
    const { writer } = this.#deps;
    for (const kind of targetKinds) {
      const present = this.#deps.present(kind).get({ namespace, name: bundle });
      const wanted = this.#wantedIn(bundle, kind, namespace);
      if (wanted === undefined) {
        if (present !== undefined && isOwnedBy(bundle, present)) await writer.remove(kind, present);
        continue;
      }
      if (wanted === 'unknown') continue;
      if (present !== undefined) {
        if (targetPatch(present, wanted) === undefined) continue;
        const waitMs = this.#limit.take(
          `${kind}/${namespace}/${bundle}/${wanted.annotations[bundleHashAnnotation]}`,
        );
        if (waitMs > 0) return waitMs;
      }
      await writer.put(namespace, wanted, present);
    }
    return 0;
  }

  /** Unknown is what a Bundle wants that was not looked at yet: nothing may be deleted then. */
  #wantedIn(bundle: string, kind: TargetKind, namespace: string): WantedTarget | 'unknown' | undefined {
    const wanted = this.#wanted.get(bundle);
    if (wanted === undefined) return 'unknown';
    if (wanted === null) return undefined;
    const { metadata } = this.#deps.namespaces.get({ name: namespace }) ?? {};
    // What is in a namespace that ends, ends with it.
    if (metadata === undefined || !this.#isActive(namespace)) return 'unknown';
    return selectsLabels(wanted.namespaceSelector, metadata.labels) ? wanted.kinds.get(kind) : undefined;
  }

  #differs(bundle: string, namespace: string): boolean {
    return targetKinds.some((kind) => {
      const present = this.#deps.present(kind).get({ namespace, name: bundle });
      const wanted = this.#wantedIn(bundle, kind, namespace);
      if (wanted === 'unknown') return false;
      if (wanted === undefined) return present !== undefined && isOwnedBy(bundle, present);
      return (
        present === undefined || !isTargetOf(bundle, present) || targetPatch(present, wanted) !== undefined
      );
    });
  }

  #isActive(namespace: string): boolean {
    const found = this.#deps.namespaces.get({ name: namespace });
    return (
      found !== undefined &&
      found.status?.phase !== 'Terminating' &&
      found.metadata.deletionTimestamp === undefined
    );
  }

  #add(bundle: string, namespace: string): void {
    const pending = this.#pending.get(bundle) ?? new Set();
    this.#pending.set(bundle, pending.add(namespace));
    this.#queue.add(`${namespace}/${bundle}`);
  }

  /** It is as it should be without having been worked on. */
  #cleared(bundle: string, namespace: string): void {
    if (this.#failures.get(bundle)?.has(namespace) !== true) return;
    this.#queue.forget(`${namespace}/${bundle}`);
    this.#settle(bundle, namespace, undefined);
  }

  #settle(bundle: string, namespace: string, failure: TargetFailure | undefined): void {
    const pending = this.#pending.get(bundle);
    pending?.delete(namespace);
    const failures = this.#failures.get(bundle) ?? new Map<string, TargetFailure>();
    const before = failures.get(namespace);
    if (failure === undefined) failures.delete(namespace);
    else this.#failures.set(bundle, failures.set(namespace, failure));
    const drained = pending?.size === 0 && this.#pending.delete(bundle);
    if (!this.isPending(bundle) && this.#failing(bundle).length === 0) this.#lacking.delete(bundle);
    if (drained || before?.message !== failure?.message) this.#deps.onSettled(bundle);
    this.#end(bundle);
  }

  /** Namespaces in which its target could not be written. What is somebody else's there is nobody's anchors of the Bundle. */
  #failing(bundle: string): string[] {
    const failures = [...this.failures(bundle)];
    return failures.filter(([, { isForeign }]) => !isForeign).map(([namespace]) => namespace);
  }

  #end(bundle: string): void {
    if (this.#wanted.get(bundle) !== null || this.isPending(bundle)) return;
    this.#wanted.delete(bundle);
    this.#failures.delete(bundle);
    this.#lacking.delete(bundle);
  }
}

/** Of the names in a message. */
const shownFailing = 3;
