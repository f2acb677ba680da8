import type { CertificateRequest, CertificateRequestStatus } from '../../api/certificate-request.ts';
import { isOutdated, keyTextOf, parseKey, WorkQueue } from '../../kube/index.ts';
import type { Change, Clock, ObjectKey } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import { issuerKeyText, referencedIssuer } from '../issuers/issuer-key.ts';
import type { RequestMetrics, SyncMetrics } from '../metrics.ts';
import { nextStatus } from './next-status.ts';
import { OpenRequests } from './open-requests.ts';
import type { OpenRequest } from './open-requests.ts';
import type { RequestOutcome } from './outcome.ts';
import { isOpen, phaseOf } from './phase.ts';
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
/** Who may use a policy is said by roles and bindings, which are not watched. */
const unapprovedPollMs = 60_000;
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

  /** What nobody had a word for may be approved or denied now. */
  policiesChanged(): void {
    for (const key of this.#open.keys()) {
      const request = this.#deps.find(parseKey(key));
      if (request && phaseOf(request) === 'unapproved') this.#queue.add(key);
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
    if (status && !(await this.#write(request, open, status))) return;
    if (status) this.#tell(request, outcome, open);
    return this.#comeBack(key, request, open, outcome);
  }

  /** False when the request is gone or another writer was faster, whose change brings it back by itself. */
  async #write(
    request: CertificateRequest,
    open: OpenRequest,
    status: CertificateRequestStatus,
  ): Promise<boolean> {
    const { resourceVersion } = request.metadata;
    try {
      const { metadata } = await this.#deps.writeStatus(request, status);
      // Where nothing changed the watch has nothing to tell of.
      if (metadata.resourceVersion !== resourceVersion) open.answeredVersion = resourceVersion;
      return true;
    } catch (error) {
      if (!isOutdated(error)) throw error;
      this.#deps.metrics.conflict();
      return false;
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
      case 'denied': {
        metrics.finished('denied');
        const { reason = 'Denied', message = 'The CertificateRequest was denied' } = outcome.verdict ?? {};
        log.info({ certificateRequest, reason }, 'denied');
        if (outcome.verdict) events.record(request, 'CertificateRequest', 'Warning', reason, message);
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
    if (outcome.outcome === 'problem') {
      const watched = this.#deps.awaitSecret(key, outcome.awaits);
      return watched ? undefined : { requeueAfterMs: secretPollMs };
    }
    if (outcome.outcome !== 'unapproved') return;
    const age = this.#deps.clock.now() - open.seenAt;
    if (age < unapprovedNoticeMs) return { requeueAfterMs: unapprovedNoticeMs - age };
    this.#tellCause(key, request, open, outcome.message);
    return { requeueAfterMs: unapprovedPollMs };
  }

  /** Once for each cause. */
  #tellCause(key: string, request: CertificateRequest, open: OpenRequest, message: string): void {
    const cause = message.slice(0, longestCause);
    if (this.#open.get(key) !== open || open.told === cause) return;
    open.told = cause;
    const { events, log } = this.#deps;
    const note = `Not signing CertificateRequest until it is Approved: ${cause}`;
    log.info({ certificateRequest: key, cause }, 'waits for approval');
    events.record(request, 'CertificateRequest', 'Normal', 'WaitingForApproval', note);
  }

  #forget(key: string): void {
    this.#open.delete(key);
    this.#deps.awaitSecret(key, undefined);
    this.#queue.forget(key);
  }
}
