import type { CertificateRequest, CertificateRequestStatus } from '../../api/certificate-request.ts';
import { backoffMs, isKubeError, isOutdated, keyTextOf, parseKey, WorkQueue } from '../../kube/index.ts';
import type { Change, Clock, KubeError, ObjectKey } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import { issuerKeyText, referencedIssuer } from '../issuers/issuer-key.ts';
import type { RequestMetrics, SyncMetrics } from '../metrics.ts';
import { nextStatus } from './next-status.ts';
import { OpenRequests } from './open-requests.ts';
import type { OpenRequest } from './open-requests.ts';
import type { RequestOutcome } from './outcome.ts';
import { isForeign, isOpen, phaseOf } from './phase.ts';
import { problems } from './problem.ts';

export interface RequestControllerOptions {
  /** Requests in hand at once; nearly all of their time is spent waiting for the status write. */
  readonly workers: number;
}

export interface RequestControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (key: ObjectKey) => CertificateRequest | undefined;
  readonly resolve: (request: CertificateRequest) => Promise<RequestOutcome>;
  /** One API write, which fails with 'conflict' when the request has changed since it was read. */
  readonly writeStatus: (
    request: CertificateRequest,
    status: CertificateRequestStatus,
  ) => Promise<CertificateRequest>;
  /** Brings the request back when the Secret changes; false when there is no room for another watch. */
  readonly awaitSecret: (request: string, secret: ObjectKey | undefined) => boolean;
  readonly events: EventRecorder;
  readonly metrics: SyncMetrics & RequestMetrics;
  readonly log: Logger;
}

/** Somebody may wonder by then why nothing happens. */
const unapprovedNoticeMs = 30_000;
/** Who may use a policy is said by roles and bindings, which are not watched; most that wait do so for somebody else. */
const unapprovedBackoff = { baseMs: 60_000, maxMs: 300_000 };
/** Of what an Event says, which has room for 1 KiB. */
const longestCause = 800;
/** For the rare wait that no watch can end. */
const secretPollMs = 30_000;

/** Takes each CertificateRequest from its creation to a final status: approval and result are one write. */
export class RequestController {
  readonly #queue: WorkQueue;
  readonly #deps: RequestControllerDependencies;
  readonly #open: OpenRequests;

  constructor(options: RequestControllerOptions, deps: RequestControllerDependencies) {
    this.#deps = deps;
    this.#open = new OpenRequests({ now: () => deps.clock.now() });
    this.#queue = new WorkQueue(
      { workers: options.workers, baseDelayMs: 200, maxDelayMs: 300_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (key) => this.#reconcile(key),
        onError: (certificateRequest, error, retryInMs) => {
          deps.metrics.failed('certificaterequests');
          deps.log.warn({ certificateRequest, error, retryInMs }, 'failed, trying again');
        },
      },
    );
  }

  /** Requests that wait for a worker. */
  get depth(): number {
    return this.#queue.length;
  }

  /** Requests without a final status. */
  get open(): number {
    return this.#open.size;
  }

  /** Listener of the requests' reflector. */
  readonly onChange = ({ type, object }: Change<CertificateRequest>): void => {
    const key = keyTextOf(object);
    if (type === 'deleted' || !isOpen(object)) {
      this.#forget(key);
      return;
    }
    const { namespace = '', uid = '' } = object.metadata;
    const issuer = referencedIssuer(object.spec.issuerRef, namespace);
    this.#open.add(key, uid, issuer ? [issuerKeyText(issuer)] : []);
    this.#queue.add(key);
  };

  /** The issuer's state is known, perhaps anew. */
  issuerKnown(issuer: string): void {
    for (const request of this.#open.of(issuer)) this.#queue.add(request);
  }

  /**
   * What nobody had a word for may be approved or denied now.
   *
   * @param namespace the only one whose requests that is about; all of them when not given
   */
  policiesChanged(namespace?: string): void {
    for (const key of this.#open.keys()) {
      const object = parseKey(key);
      if (namespace !== undefined && object.namespace !== namespace) continue;
      const request = this.#deps.find(object);
      const phase = request && phaseOf(request);
      if (phase === 'unapproved' || phase === 'foreign') this.#queue.add(key);
    }
  }

  /** A Secret that the request waits for has changed. */
  secretChanged(request: string): void {
    this.#queue.add(request);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(key: string): Promise<{ requeueAfterMs: number } | void> {
    const { clock, find, metrics, resolve } = this.#deps;
    const request = find(parseKey(key));
    const open = this.#open.get(key);
    if (!request || !open || open.answeredVersion === request.metadata.resourceVersion) return;
    metrics.synced('certificaterequests');

    const outcome = await resolve(request);
    const status = nextStatus(request.status, outcome, clock.now());
    const refusal = status && (await this.#write(request, open, status, outcome));
    if (refusal === 'outdated') return;
    if (refusal)
      return this.#comeBack(key, request, open, { outcome: 'unapproved', message: refusal.message });
    if (status) this.#tell(request, outcome, open);
    return this.#comeBack(key, request, open, outcome);
  }

  /**
   * Outdated when the request is gone or another writer was faster, whose change brings it back by itself. An error when the
   * decision on another controller's request is not for this one: RBAC gives that for each kind of issuer.
   */
  async #write(
    request: CertificateRequest,
    open: OpenRequest,
    status: CertificateRequestStatus,
    { outcome }: RequestOutcome,
  ): Promise<'outdated' | KubeError | undefined> {
    const { resourceVersion } = request.metadata;
    try {
      const { metadata } = await this.#deps.writeStatus(request, status);
      // Where nothing changed the watch has nothing to tell of.
      if (metadata.resourceVersion !== resourceVersion) open.answeredVersion = resourceVersion;
      return undefined;
    } catch (error) {
      if (outcome === 'decided' && isKubeError(error, 'forbidden', 'invalid')) return error;
      if (!isOutdated(error)) throw error;
      this.#deps.metrics.conflict();
      return 'outdated';
    }
  }

  #tell(request: CertificateRequest, outcome: RequestOutcome, { seenAt }: OpenRequest): void {
    const { clock, events, log, metrics } = this.#deps;
    const certificateRequest = keyTextOf(request);
    const now = clock.now();
    const created = Date.parse(request.metadata.creationTimestamp ?? '');
    switch (outcome.outcome) {
      case 'issued':
        metrics.issued(now - seenAt, now - created);
        log.debug({ certificateRequest, durationMs: now - seenAt }, 'issued');
        break;
      case 'denied':
      case 'decided': {
        if (outcome.outcome === 'decided' && outcome.decision === 'Approved') break;
        metrics.finished('denied');
        const { reason = 'Denied', message } = outcome.verdict ?? {};
        log.info({ certificateRequest, reason }, 'denied');
        // As approver-policy has it, whichever of the two says so.
        if (message !== undefined) events.record(request, 'CertificateRequest', 'Warning', 'Denied', message);
        break;
      }
      case 'problem': {
        const { eventType, ready } = problems[outcome.problem];
        const failed = ready === 'Failed';
        metrics.finished(failed ? 'failed' : 'pending');
        log.info({ certificateRequest, reason: outcome.problem }, failed ? 'failed' : 'waiting');
        events.record(request, 'CertificateRequest', eventType, outcome.problem, outcome.message);
        break;
      }
      case 'leave':
      case 'unapproved':
      case 'hold':
        break;
    }
  }

  #comeBack(
    key: string,
    request: CertificateRequest,
    open: OpenRequest,
    outcome: RequestOutcome,
  ): { requeueAfterMs: number } | void {
    // It may be gone by now, and nobody would end its watch.
    if (this.#open.get(key) !== open) return;
    if (outcome.outcome === 'problem') {
      const watched = this.#deps.awaitSecret(key, outcome.awaits);
      return watched ? undefined : { requeueAfterMs: secretPollMs };
    }
    if (outcome.outcome !== 'unapproved') return;
    const age = this.#deps.clock.now() - open.seenAt;
    if (age < unapprovedNoticeMs) return { requeueAfterMs: unapprovedNoticeMs - age };
    this.#tellCause(key, request, open, outcome.message);
    open.waits += 1;
    return { requeueAfterMs: backoffMs(open.waits, unapprovedBackoff, this.#deps.random) };
  }

  /** Once for each cause. */
  #tellCause(key: string, request: CertificateRequest, open: OpenRequest, message: string): void {
    const cause = message.slice(0, longestCause);
    if (this.#open.get(key) !== open || open.told === cause) return;
    open.told = cause;
    const { events, log } = this.#deps;
    const note = isForeign(request)
      ? `Not approved or denied here: ${cause}`
      : `Not signing CertificateRequest until it is Approved: ${cause}`;
    log.info({ certificateRequest: key, cause }, 'waits for approval');
    events.record(request, 'CertificateRequest', 'Normal', 'WaitingForApproval', note);
  }

  #forget(key: string): void {
    this.#open.delete(key);
    this.#deps.awaitSecret(key, undefined);
    this.#queue.forget(key);
  }
}
