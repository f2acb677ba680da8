import type {
  CertificateSigningRequest,
  CertificateSigningRequestStatus,
} from '../../api/certificate-signing-request.ts';
import { formatTime } from '../../api/time.ts';
import { backoffMs, isKubeError, isOutdated, keyTextOf, parseKey, WorkQueue } from '../../kube/index.ts';
import type { Change, Clock, ObjectKey, Requeue } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import { issuerKeyText } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import { OpenRequests } from '../requests/open-requests.ts';
import type { OpenRequest } from '../requests/open-requests.ts';
import { isSameAnswer } from '../same-answer.ts';
import type { SigningRequestOutcome } from './resolve-signing-request.ts';
import type { SigningRequestMetrics } from './signing-request-metrics.ts';
import { phaseOf } from './signing-request-phase.ts';

export interface SigningRequestControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (key: ObjectKey) => CertificateSigningRequest | undefined;
  readonly resolve: (request: CertificateSigningRequest) => Promise<SigningRequestOutcome>;
  /** One API write, which fails with 'conflict' when the request has changed since it was read. */
  readonly writeStatus: (
    request: CertificateSigningRequest,
    status: CertificateSigningRequestStatus,
  ) => Promise<unknown>;
  /** One API read of the request as it is now; undefined when it is gone. */
  readonly read: (request: CertificateSigningRequest) => Promise<CertificateSigningRequest | undefined>;
  /** Brings the request back when the Secret changes; false when there is no room for another watch. */
  readonly awaitSecret: (request: string, secret: ObjectKey | undefined) => boolean;
  readonly events: EventRecorder;
  readonly metrics: SigningRequestMetrics;
  readonly log: Logger;
}

/** For the rare wait that no watch can end. */
const waitBackoff = { baseMs: 1_000, maxMs: 30_000 };

/** Answers Kubernetes' own requests to issuers, once somebody has approved them. */
export class SigningRequestController {
  readonly #queue: WorkQueue;
  readonly #deps: SigningRequestControllerDependencies;
  readonly #open: OpenRequests;

  constructor(deps: SigningRequestControllerDependencies) {
    this.#deps = deps;
    this.#open = new OpenRequests({ now: () => deps.clock.now() });
    this.#queue = new WorkQueue(
      { workers: 4, baseDelayMs: 200, maxDelayMs: 300_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (key) => this.#reconcile(key),
        onError: (signingRequest, error, retryInMs) => {
          deps.metrics.failed();
          deps.log.warn({ signingRequest, error, retryInMs }, 'failed, trying again');
        },
      },
    );
  }

  /** Listener of the requests' reflector. */
  readonly onChange = ({ type, object }: Change<CertificateSigningRequest>): void => {
    const key = keyTextOf(object);
    const phase = phaseOf(object);
    if (type === 'deleted' || !('issuer' in phase)) {
      this.#open.delete(key);
      this.#deps.awaitSecret(key, undefined);
      this.#queue.forget(key);
      return;
    }
    this.#open.add(key, object.metadata.uid ?? '', [issuerKeyText(phase.issuer)]);
    this.#queue.add(key);
  };

  /** The issuer's state is known, perhaps anew. */
  issuerKnown(issuer: IssuerKey): void {
    for (const request of this.#open.of(issuerKeyText(issuer))) this.#queue.add(request);
  }

  /** A Secret that the request waits for has changed. */
  secretChanged(request: string): void {
    this.#queue.add(request);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  async #reconcile(key: string): Promise<Requeue | void> {
    const { find, metrics, resolve } = this.#deps;
    const request = find(parseKey(key));
    const open = this.#open.get(key);
    if (!request || !open || open.answeredVersion === request.metadata.resourceVersion) return;
    const outcome = await resolve(request);
    if (outcome.outcome === 'leave') return;
    if (outcome.outcome === 'waiting') return this.#wait(key, request, open, outcome);
    if (!(await this.#write(request, open, this.#status(request, outcome)))) return;
    metrics.looked(outcome.outcome);
    const fields = { signingRequest: key, issuer: open.issuers[0], requester: request.spec.username };
    if (outcome.outcome === 'failed') {
      this.#deps.log.info({ ...fields, reason: outcome.reason }, 'signing request failed');
      this.#record(request, 'Warning', outcome.reason, outcome.message);
    } else {
      this.#deps.log.info(fields, 'signing request issued');
      this.#record(request, 'Normal', 'CertificateIssued', outcome.note);
    }
  }

  #wait(
    key: string,
    request: CertificateSigningRequest,
    open: OpenRequest,
    { message, reason, until }: Extract<SigningRequestOutcome, { outcome: 'waiting' }>,
  ): Requeue | void {
    const { awaitSecret, metrics, random } = this.#deps;
    metrics.looked('waiting');
    this.#record(request, reason === 'WaitingApproval' ? 'Normal' : 'Warning', reason, message);
    // It may be gone by now, and nobody would end its watch.
    if (this.#open.get(key) !== open) return;
    open.waits += 1;
    const watched = until === 'looked-again' ? false : awaitSecret(key, until);
    return watched ? undefined : { requeueAfterMs: backoffMs(open.waits, waitBackoff, random) };
  }

  #status(
    { status }: CertificateSigningRequest,
    outcome: Extract<SigningRequestOutcome, { outcome: 'issued' | 'failed' }>,
  ): CertificateSigningRequestStatus {
    if (outcome.outcome === 'issued') {
      return { ...status, certificate: Buffer.from(outcome.certificate).toString('base64') };
    }
    const { message, reason } = outcome;
    const time = formatTime(this.#deps.clock.now());
    const condition = { type: 'Failed', status: 'True', reason, message, lastUpdateTime: time };
    return {
      ...status,
      conditions: [...(status?.conditions ?? []), { ...condition, lastTransitionTime: time }],
    };
  }

  /** False when the request is gone or another writer was faster, whose change brings it back by itself. */
  async #write(
    request: CertificateSigningRequest,
    open: OpenRequest,
    status: CertificateSigningRequestStatus,
  ): Promise<boolean> {
    try {
      await this.#deps.writeStatus(request, status);
    } catch (error) {
      if (!isOutdated(error)) throw error;
      // A write whose answer was lost is sent again, and what it conflicts with then is itself.
      const present = isKubeError(error, 'conflict') ? await this.#deps.read(request) : undefined;
      return present?.status !== undefined && isSameAnswer(present.status, status);
    }
    open.answeredVersion = request.metadata.resourceVersion;
    return true;
  }

  #record(
    { metadata }: CertificateSigningRequest,
    type: 'Normal' | 'Warning',
    reason: string,
    note: string,
  ): void {
    const about = { apiVersion: 'certificates.k8s.io/v1', metadata };
    this.#deps.events.record(about, 'CertificateSigningRequest', type, reason, note);
  }
}
