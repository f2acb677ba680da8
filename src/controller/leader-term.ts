import { certificateRequests } from '../api/certificate-request.ts';
import type { CertificateRequest, CertificateRequestStatus } from '../api/certificate-request.ts';
import { secrets } from '../api/core.ts';
import { clusterIssuers, issuers } from '../api/issuer.ts';
import type { ClusterIssuer, Issuer, IssuerStatus } from '../api/issuer.ts';
import { Reflector } from '../kube/index.ts';
import type { Clock, KubeClient, KubeObject, ReflectorOptions } from '../kube/index.ts';
import type { Logger } from '../runtime/log.ts';
import { Approval } from './approval/approval.ts';
import type { ApprovalMetrics } from './approval/approval-metrics.ts';
import type { EventRecorder } from './events/event-recorder.ts';
import { IssuerController } from './issuers/issuer-controller.ts';
import { issuerKeyText, issuerObjectKey, parseIssuerKey } from './issuers/issuer-key.ts';
import type { IssuerKey } from './issuers/issuer-key.ts';
import type { IssuerState } from './issuers/issuer-state.ts';
import { IssuerStates } from './issuers/issuer-states.ts';
import type { AnyIssuer } from './issuers/issuer-states.ts';
import { NamedSecrets } from './issuers/named-secrets.ts';
import { watchSecret } from './issuers/secret-watch.ts';
import type { ControllerFigures, ControllerMetrics } from './metrics.ts';
import { AwaitedSecrets, awaitingRequest } from './requests/awaited-secrets.ts';
import { RequestController } from './requests/request-controller.ts';
import { resolveRequest } from './requests/resolve-request.ts';
import { slimRequest } from './requests/slim-request.ts';
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

/** Watches for the Secrets of single requests, besides those of issuers. */
const awaitedSecretsLimit = 100;

/**
 * The controllers and their caches for as long as this process leads. Nothing is kept from one term to the next, and a
 * standby holds nothing: the first lists take tens of milliseconds, against seconds for a lease to run out.
 */
export class LeaderTerm {
  readonly #options: ControllerValues;
  readonly #deps: LeaderTermDependencies;
  readonly #issuers: Reflector<Issuer>;
  readonly #clusterIssuers: Reflector<ClusterIssuer>;
  readonly #requests: Reflector<CertificateRequest>;
  readonly #secrets: NamedSecrets;
  readonly #states: IssuerStates;
  readonly #issuerController: IssuerController;
  readonly #requestController: RequestController;
  readonly #approval: Approval;
  readonly #trust: Trust;
  readonly #issuerListeners: ((key: IssuerKey) => void)[] = [];
  readonly #parts: readonly TermPart[];

  readonly #watchFailed = (resource: string, error: unknown): void => {
    this.#deps.log.warn({ resource, error }, 'watch failed, trying again');
  };

  constructor(options: ControllerValues, deps: LeaderTermDependencies) {
    this.#options = options;
    this.#deps = deps;
    const { client } = deps;
    this.#issuers = this.#reflector({ resource: client.resource(issuers), transform: withoutManagedFields });
    this.#clusterIssuers = this.#reflector({
      resource: client.resource(clusterIssuers),
      transform: withoutManagedFields,
    });
    this.#requests = this.#reflector({
      resource: client.resource(certificateRequests),
      transform: slimRequest,
    });
    this.#secrets = new NamedSecrets({
      watch: (key, listener, signal) =>
        watchSecret(key, listener, signal, { ...deps, onError: this.#watchFailed }),
      onChange: (owner) => this.#secretChanged(owner),
    });
    this.#trust = this.#makeTrust();
    this.#states = this.#issuerStates();
    this.#issuerController = this.#makeIssuerController();
    this.#approval = new Approval(options, {
      ...deps,
      metrics: deps.approvalMetrics,
      onWatchError: this.#watchFailed,
    });
    this.#requestController = this.#makeRequestController();
    this.#parts = termParts(this.#context());
  }

  /** Every cache holds a first full view. */
  get synced(): boolean {
    const caches = [
      this.#trust,
      this.#issuers,
      this.#clusterIssuers,
      this.#requests,
      this.#approval,
      ...this.#parts,
    ];
    return caches.every(({ synced }) => synced);
  }

  figures(): ControllerFigures {
    return {
      leading: true,
      queueDepth: {
        issuers: this.#issuerController.depth,
        certificaterequests: this.#requestController.depth,
      },
      openRequests: this.#requestController.open,
    };
  }

  trustFigures(): TrustFigures {
    return this.#trust.figures();
  }

  /** Works until the signal aborts; resolves when what was under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    this.#issuers.subscribe((change) => this.#issuerChanged('Issuer', change.object));
    this.#clusterIssuers.subscribe((change) => this.#issuerChanged('ClusterIssuer', change.object));
    this.#requests.subscribe(this.#requestController.onChange);
    this.#approval.subscribe(() => this.#requestController.policiesChanged());
    const parts = [
      this.#issuers.run(signal),
      this.#clusterIssuers.run(signal),
      this.#trust.run(signal),
      this.#approval.run(signal),
      this.#issuerController.run(signal),
      this.#requestController.run(signal),
    ];
    try {
      // Not before the issuers are known, or the first requests would be told that theirs do not exist.
      await Promise.all([this.#issuers.whenSynced(signal), this.#clusterIssuers.whenSynced(signal)]);
      parts.push(this.#requests.run(signal), ...this.#parts.map((part) => part.run(signal)));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await Promise.all(parts);
    this.#secrets.close();
  }

  #context(): TermContext {
    const subscribe = (listener: (key: IssuerKey) => void): void => {
      this.#issuerListeners.push(listener);
    };
    const state = (key: IssuerKey): IssuerState | undefined => this.#states.get(key);
    return {
      ...this.#deps,
      values: this.#options,
      issuers: { state, subscribe },
      anchors: {
        of: (key) => {
          // A CA that cannot sign now has signed before.
          const published = this.#trust.anchors(key);
          if (published) return published;
          const known = state(key);
          return known?.state === 'ready' ? known.anchors : undefined;
        },
        subscribe,
      },
      anchorSets: this.#trust.anchorSets,
      otherConsumers: this.#trust.otherConsumers,
      judge: this.#approval,
      facts: this.#approval.facts,
      onPolicies: (listener) => this.#approval.subscribe(listener),
    };
  }

  #reflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    const { clock, random } = this.#deps;
    const { plural } = options.resource.type;
    return new Reflector(options, { clock, random, onError: (error) => this.#watchFailed(plural, error) });
  }

  #makeTrust(): Trust {
    const { clock } = this.#deps;
    const { trustDomain, caRotationSettle: settleMs } = this.#options;
    return new Trust(
      { trustDomain, settleMs },
      {
        ...this.#deps,
        issuersSynced: () => this.#issuers.synced && this.#clusterIssuers.synced,
        find: (key) => this.#findIssuer(key),
        present: (key) => this.#states.caPair(key, clock.now()),
        secretOf: (key) => this.#states.secretsOf(key)[0],
        onChange: (key) => this.#issuerController.touch(key),
        onReady: () => {
          for (const issuer of this.#issuers.list()) this.#issuerChanged('Issuer', issuer);
          for (const issuer of this.#clusterIssuers.list()) this.#issuerChanged('ClusterIssuer', issuer);
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
        find: (key) => this.#findIssuer(key),
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
      find: (key) => this.#findIssuer(key),
      state: (key) => this.#states.get(key),
      rotation: (key) => this.#trust.report(key),
      writeStatus: (key, issuer, status) => this.#writeIssuerStatus(key, issuer, status),
      onKnown: (issuer) => {
        this.#requestController.issuerKnown(issuer);
        this.#trust.issuerChanged(parseIssuerKey(issuer));
        for (const listener of this.#issuerListeners) listener(parseIssuerKey(issuer));
      },
    });
  }

  #makeRequestController(): RequestController {
    const { clock, random, events, metrics, log } = this.#deps;
    const { approver } = this.#approval;
    const awaited = new AwaitedSecrets(awaitedSecretsLimit, {
      want: (owner, keys) => this.#secrets.want(owner, keys),
    });
    const resolving = {
      now: (): number => clock.now(),
      approver,
      issuer: (key: IssuerKey) => this.#states.get(key),
      onWarning: (
        request: CertificateRequest,
        { reason, message }: { reason: string; message: string },
      ): void => events.record(request, 'CertificateRequest', 'Warning', reason, message),
    };
    return new RequestController(
      { workers: this.#options.workers },
      {
        clock,
        random,
        events,
        metrics,
        log,
        find: (key) => this.#requests.get(key),
        resolve: (request) => resolveRequest(request, resolving),
        writeStatus: (request, status) => this.#writeRequestStatus(request, status),
        awaitSecret: (request, secret) => awaited.await(request, secret),
      },
    );
  }

  #findIssuer(key: IssuerKey): AnyIssuer | undefined {
    const reflector = key.kind === 'Issuer' ? this.#issuers : this.#clusterIssuers;
    return reflector.get(issuerObjectKey(key));
  }

  #issuerChanged(kind: IssuerKey['kind'], { metadata: { name = '', namespace = '' } }: AnyIssuer): void {
    const key: IssuerKey = kind === 'Issuer' ? { kind, namespace, name } : { kind, name };
    this.#secrets.want(issuerKeyText(key), this.#states.secretsOf(key));
    this.#issuerController.touch(key);
  }

  #secretChanged(owner: string): void {
    const request = awaitingRequest(owner);
    if (request === undefined) this.#issuerController.touch(parseIssuerKey(owner));
    else this.#requestController.secretChanged(request);
  }

  /** The server takes nothing but the status from this, so nothing else is sent. */
  #writeRequestStatus(
    request: CertificateRequest,
    status: CertificateRequestStatus,
  ): Promise<CertificateRequest> {
    const body = { metadata: identityOf(request), status } as CertificateRequest;
    return this.#deps.client.resource(certificateRequests).replaceStatus(body);
  }

  async #writeIssuerStatus(key: IssuerKey, issuer: AnyIssuer, status: IssuerStatus): Promise<void> {
    const body = { metadata: identityOf(issuer), status } as AnyIssuer;
    const { client } = this.#deps;
    if (key.kind === 'Issuer') await client.resource(issuers).replaceStatus(body);
    else await client.resource(clusterIssuers).replaceStatus(body);
  }
}

function identityOf({ metadata }: KubeObject): KubeObject['metadata'] {
  const { name, namespace, resourceVersion } = metadata;
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
