import { secrets } from '../api/core.ts';
import { Gate } from '../kube/index.ts';
import type { Clock, KubeClient, ObjectKey } from '../kube/index.ts';
import type { Logger } from '../runtime/log.ts';
import { Approval } from './approval/approval.ts';
import type { ApprovalMetrics } from './approval/approval-metrics.ts';
import type { EventRecorder } from './events/event-recorder.ts';
import { AwaitedSecrets } from './issuers/awaited-secrets.ts';
import { IssuerController } from './issuers/issuer-controller.ts';
import { issuerKeyText, parseIssuerKey } from './issuers/issuer-key.ts';
import type { IssuerKey } from './issuers/issuer-key.ts';
import { IssuerObjects } from './issuers/issuer-objects.ts';
import type { IssuerState } from './issuers/issuer-state.ts';
import { IssuerStates } from './issuers/issuer-states.ts';
import { NamedSecrets } from './issuers/named-secrets.ts';
import { watchSecret } from './issuers/secret-watch.ts';
import type { ControllerFigures, ControllerMetrics } from './metrics.ts';
import { TermRequests } from './requests/term-requests.ts';
import type { ControllerValues } from './options.ts';
import type { TermContext, TermPart } from './term-part.ts';
import { termParts } from './term-parts.ts';
import type { BundleMetrics } from './trust/bundles/bundle-metrics.ts';
import { Trust } from './trust/trust.ts';
import type { TrustFigures } from './trust/metrics.ts';

export interface LeaderTermDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly approvalMetrics: ApprovalMetrics;
  readonly bundleMetrics: BundleMetrics;
  readonly events: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
}

/** Watches for the Secrets of single requests of a kind, besides those of issuers. */
const awaitedSecretsLimit = 100;
/** Lists of what is named, in flight. The client has 16 connections beside those of the workers. */
const namedLists = 8;

/**
 * The controllers and their caches for as long as this process leads. Nothing is kept from one term to the next, and a
 * standby holds nothing: the first lists take tens of milliseconds, against seconds for a lease to run out.
 */
export class LeaderTerm {
  readonly #options: ControllerValues;
  readonly #deps: LeaderTermDependencies;
  readonly #issuers: IssuerObjects;
  readonly #secrets: NamedSecrets;
  readonly #trust: Trust;
  readonly #states: IssuerStates;
  readonly #issuerController: IssuerController;
  readonly #approval: Approval;
  readonly #requests: TermRequests;
  readonly #issuerListeners: ((key: IssuerKey) => void)[] = [];
  readonly #parts: readonly TermPart[];
  readonly #awaited: AwaitedSecrets[] = [];
  readonly #lists = new Gate({ atOnce: namedLists });

  readonly #watchFailed = (resource: string, error: unknown): void => {
    this.#deps.log.warn({ resource, error }, 'watch failed, trying again');
  };

  readonly #awaitSecrets = (kind: string, onChange: (request: string) => void): AwaitedSecrets => {
    const want = (owner: string, keys: readonly ObjectKey[]): void => this.#secrets.want(owner, keys);
    const awaited = new AwaitedSecrets({ kind, limit: awaitedSecretsLimit }, { want, onChange });
    this.#awaited.push(awaited);
    return awaited;
  };

  constructor(options: ControllerValues, deps: LeaderTermDependencies) {
    this.#options = options;
    this.#deps = deps;
    const onWatchError = this.#watchFailed;
    this.#issuers = new IssuerObjects({ ...deps, onWatchError });
    this.#secrets = new NamedSecrets({
      watch: (key, listener, signal) =>
        watchSecret(key, listener, signal, { ...deps, lists: this.#lists, onError: this.#watchFailed }),
      onChange: (owner) => this.#secretChanged(owner),
    });
    this.#trust = this.#makeTrust();
    this.#states = this.#issuerStates();
    this.#issuerController = this.#makeIssuerController();
    this.#approval = new Approval(options, { ...deps, metrics: deps.approvalMetrics, onWatchError });
    this.#requests = new TermRequests(options, {
      ...deps,
      onWatchError,
      approver: this.#approval.approver,
      issuer: (key) => this.#states.get(key),
      awaitSecrets: this.#awaitSecrets,
    });
    this.#parts = termParts(this.#context());
  }

  /** Every cache holds a first full view. */
  get synced(): boolean {
    const caches = [this.#trust, this.#issuers, this.#requests, this.#approval, ...this.#parts];
    return caches.every(({ synced }) => synced);
  }

  figures(): ControllerFigures {
    const { depth, open } = this.#requests.controller;
    return {
      leading: true,
      queueDepth: { issuers: this.#issuerController.depth, certificaterequests: depth },
      openRequests: open,
    };
  }

  trustFigures(): TrustFigures {
    return this.#trust.figures();
  }

  /** Works until the signal aborts; resolves when what was under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    this.#issuers.subscribe((key) => this.#issuerChanged(key));
    this.#approval.subscribe((namespace) => this.#requests.controller.policiesChanged(namespace));
    const issuersKnown = this.#issuers.whenSynced(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await Promise.all([
      this.#issuers.run(signal),
      this.#trust.run(signal),
      this.#approval.run(signal),
      this.#issuerController.run(signal),
      this.#requests.run(issuersKnown, signal),
      this.#runParts(issuersKnown, signal),
    ]);
    this.#secrets.close();
  }

  async #runParts(issuersKnown: Promise<void>, signal: AbortSignal): Promise<void> {
    await issuersKnown;
    if (!signal.aborted) await Promise.all(this.#parts.map((part) => part.run(signal)));
  }

  #context(): TermContext {
    const state = (key: IssuerKey): IssuerState | undefined => this.#states.get(key);
    return {
      ...this.#deps,
      values: this.#options,
      lists: this.#lists,
      awaitSecrets: this.#awaitSecrets,
      issuers: { state, subscribe: (listener) => void this.#issuerListeners.push(listener) },
      anchors: {
        of: (key) => {
          // A CA that cannot sign now has signed before.
          const published = this.#trust.anchors(key);
          if (published) return published;
          const known = state(key);
          return known?.state === 'ready' ? known.anchors : undefined;
        },
      },
      anchorSets: this.#trust.anchorSets,
      otherConsumers: this.#trust.otherConsumers,
      judge: this.#approval,
      facts: this.#approval.facts,
      onPolicies: (listener) => this.#approval.subscribe(listener),
    };
  }

  #makeTrust(): Trust {
    const { clock } = this.#deps;
    const { trustDomain, caRotationSettle: settleMs } = this.#options;
    return new Trust(
      { trustDomain, settleMs },
      {
        ...this.#deps,
        issuers: this.#issuers,
        present: (key) => this.#states.caPair(key, clock.now()),
        secretOf: (key) => this.#states.secretsOf(key)[0],
        onChange: (key) => this.#issuerController.touch(key),
        onReady: () => {
          for (const key of this.#issuers.keys()) this.#issuerChanged(key);
        },
      },
    );
  }

  #issuerStates(): IssuerStates {
    const { client, clock } = this.#deps;
    const { clusterResourceNamespace } = this.#options;
    return new IssuerStates(
      { clusterResourceNamespace },
      {
        now: () => clock.now(),
        find: (key) => this.#issuers.find(key),
        secret: (key) => this.#secrets.get(key),
        readSecret: (key) => client.resource(secrets).get(key),
        choose: (key, pair, secret) => this.#trust.choose(key, { pair, secret }),
      },
    );
  }

  #makeIssuerController(): IssuerController {
    const { clock, random, events, metrics, log } = this.#deps;
    return new IssuerController({
      clock,
      random,
      events,
      metrics,
      log,
      find: (key) => this.#issuers.find(key),
      state: (key) => this.#states.get(key),
      rotation: (key) => this.#trust.report(key),
      writeStatus: (key, issuer, status) => this.#issuers.writeStatus(key, issuer, status),
      onKnown: (issuer) => {
        this.#requests.controller.issuerKnown(issuer);
        this.#trust.issuerChanged(parseIssuerKey(issuer));
        for (const listener of this.#issuerListeners) listener(parseIssuerKey(issuer));
      },
    });
  }

  #issuerChanged(key: IssuerKey): void {
    this.#secrets.want(issuerKeyText(key), this.#states.secretsOf(key));
    this.#issuerController.touch(key);
  }

  #secretChanged(owner: string): void {
    if (this.#awaited.some((requests) => requests.changed(owner))) return;
    this.#issuerController.touch(parseIssuerKey(owner));
  }
}
