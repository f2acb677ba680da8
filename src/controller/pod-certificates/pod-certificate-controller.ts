import { isTerminal } from '../../api/pod-certificate-request.ts';
import type {
  PodCertificateRequest,
  PodCertificateRequestStatus,
} from '../../api/pod-certificate-request.ts';
import { isOurSigner, issuersOfSigner } from '../../api/pod-certificate-signer.ts';
import { formatTime } from '../../api/time.ts';
import { backoffMs, isKubeError, isObjectMissing, keyTextOf, parseKey, WorkQueue } from '../../kube/index.ts';
import type { Change, Clock, KubeError, ObjectKey, Requeue } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import { issuerKeyText } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import { OpenRequests } from '../requests/open-requests.ts';
import type { OpenRequest } from '../requests/open-requests.ts';
import { isSameAnswer } from '../same-answer.ts';
import { checkStatus } from './check-status.ts';
import type { StatusFault } from './check-status.ts';
import type { PodCertificateMetrics } from './pod-certificate-metrics.ts';
import type { PodCertificateOutcome, WaitReason } from './pod-certificate-outcome.ts';

export interface PodCertificateControllerOptions {
  /** Requests in hand at once; nearly all of their time is spent waiting for the status write. */
  readonly workers: number;
}

export interface PodCertificateControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (key: ObjectKey) => PodCertificateRequest | undefined;
  /** @param seenAt when it was first seen here, in milliseconds since the epoch */
  readonly resolve: (request: PodCertificateRequest, seenAt: number) => Promise<PodCertificateOutcome>;
  /** One API write, which fails with 'conflict' when the request has changed since it was read. */
  readonly writeStatus: (
    request: PodCertificateRequest,
    status: PodCertificateRequestStatus,
  ) => Promise<unknown>;
  /** One API read of the request as it is now; undefined when it is gone. */
  readonly read: (request: PodCertificateRequest) => Promise<PodCertificateRequest | undefined>;
  readonly events: EventRecorder;
  readonly metrics: PodCertificateMetrics;
  readonly log: Logger;
}

type Wait = Omit<Extract<PodCertificateOutcome, { outcome: 'waiting' }>, 'outcome'>;

/** The cluster deletes a request that is open for a quarter of an hour, so nobody looks more often than this for long. */
const waitBackoff = { baseMs: 1_000, maxMs: 60_000 };
/** The issuer's own change ends these. */
const endedByIssuer: ReadonlySet<WaitReason> = new Set(['IssuerNotFound', 'IssuerNotReady']);
/** Far below the API's limit of 32 KiB, whatever the characters. */
const longestMessage = 4096;

/** Answers each PodCertificateRequest to certmount.io with one status write. */
export class PodCertificateController {
  readonly #queue: WorkQueue;
  readonly #deps: PodCertificateControllerDependencies;
  readonly #open: OpenRequests;

  constructor(options: PodCertificateControllerOptions, deps: PodCertificateControllerDependencies) {
    this.#deps = deps;
    this.#open = new OpenRequests({ now: () => deps.clock.now() });
    this.#queue = new WorkQueue(
      { workers: options.workers, baseDelayMs: 200, maxDelayMs: 60_000 },
      {
        clock: deps.clock,
        random: deps.random,
        reconcile: (key) => this.#reconcile(key),
        onError: (key, error, retryInMs) => {
          deps.metrics.failed();
          deps.log.warn({ podCertificateRequest: key, error, retryInMs }, 'failed, trying again');
        },
      },
    );
  }

  /** Requests without an answer. */
  get open(): number {
    return this.#open.size;
  }

  /** Listener of the requests' watch. */
  readonly onChange = ({ type, object }: Change<PodCertificateRequest>): void => {
    const key = keyTextOf(object);
    if (type === 'deleted' || !isOpen(object)) {
      this.#forget(key);
      return;
    }
    const { namespace = '', uid = '' } = object.metadata;
    this.#open.add(key, uid, issuersOfSigner(object.spec.signerName, namespace).map(issuerKeyText));
    this.#deps.metrics.open(this.#open.size);
    this.#queue.add(key);
  };

  /** The issuer's state is known, perhaps anew. */
  issuerKnown(issuer: IssuerKey): void {
    for (const request of this.#open.of(issuerKeyText(issuer))) this.#queue.add(request);
  }

  /**
   * The policies may say something else than they did.
   *
   * @param namespace the only one whose requests that is about; all of them when not given
   */
  policiesChanged(namespace?: string): void {
    for (const key of this.#open.keys())
      if (namespace === undefined || parseKey(key).namespace === namespace) this.#queue.add(key);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run(signal);
    this.#deps.metrics.open(0);
  }

  async #reconcile(key: string): Promise<Requeue | void> {
    const { find, resolve } = this.#deps;
    const request = find(parseKey(key));
    const open = this.#open.get(key);
    if (!request || !open || open.answeredVersion === request.metadata.resourceVersion) return;

    const outcome = await resolve(request, open.seenAt);
    switch (outcome.outcome) {
      case 'hold':
        return;
      case 'waiting':
        return this.#wait(request, open, outcome);
      case 'denied':
        return this.#deny(request, open, outcome);
      case 'issued':
        return this.#issue(request, open, outcome);
    }
  }

  #wait(
    request: PodCertificateRequest,
    open: OpenRequest,
    { message, reason, until = Infinity }: Wait,
  ): Requeue | void {
    const { clock, log, metrics, random } = this.#deps;
    metrics.waiting(reason);
    log.info({ ...subjectOf(request), reason }, 'pod certificate waits');
    this.#tellPod(request, reason, message);
    open.waits += 1;
    if (endedByIssuer.has(reason)) return undefined;
    const again = backoffMs(open.waits, waitBackoff, random);
    return { requeueAfterMs: Math.min(again, Math.max(0, until - clock.now())) };
  }

  async #deny(
    request: PodCertificateRequest,
    open: OpenRequest,
    { message, reason }: Extract<PodCertificateOutcome, { outcome: 'denied' }>,
  ): Promise<Requeue | void> {
    // It may quote what the pod's author has written, of which there may be much.
    const cause = message.slice(0, longestMessage);
    const now = this.#deps.clock.now();
    const lastTransitionTime = formatTime(now);
    const answer = await this.#answer(request, open, now, {
      conditions: [{ type: 'Denied', status: 'True', reason, message: cause, lastTransitionTime }],
    });
    if (answer === 'outdated') return;
    if (answer !== 'written') return this.#wait(request, open, answer);
    this.#count('denied', request, open);
    // The kubelet tells the pod.
    this.#deps.log.info({ ...subjectOf(request), reason, cause }, 'pod certificate denied');
  }

  async #issue(
    request: PodCertificateRequest,
    open: OpenRequest,
    outcome: Extract<PodCertificateOutcome, { outcome: 'issued' }>,
  ): Promise<Requeue | void> {
    const answer = await this.#answer(request, open, outcome.signedAt, outcome.status);
    if (answer === 'written') this.#tellIssued(request, open, outcome);
    else if (answer !== 'outdated') return this.#wait(request, open, answer);
  }

  /** Outdated when the request is gone or another writer was faster, whose change brings it back by itself. */
  async #answer(
    request: PodCertificateRequest,
    open: OpenRequest,
    now: number,
    status: PodCertificateRequestStatus,
  ): Promise<'written' | 'outdated' | Wait> {
    // What the API server would refuse is no answer.
    const finding = checkStatus(request, status, now);
    if (finding) return { reason: reasonOf(finding.fault), message: finding.message };
    try {
      await this.#deps.writeStatus(request, status);
    } catch (error) {
      if (isObjectMissing(error)) return 'outdated';
      if (isKubeError(error, 'conflict')) {
        // A write whose answer was lost is sent again, and what it conflicts with then is itself.
        const present = await this.#deps.read(request);
        return present?.status && isSameAnswer(present.status, status) ? 'written' : 'outdated';
      }
      // Its clock is another, or there is no right to sign for this signer.
      if (isKubeError(error, 'invalid')) return { reason: refusalOf(error), message: error.message };
      throw error;
    }
    open.answeredVersion = request.metadata.resourceVersion;
    return 'written';
  }

  /** The API keeps a request for a quarter of an hour only: who got what, for how long, is in the log. */
  #tellIssued(
    request: PodCertificateRequest,
    open: OpenRequest,
    { issuer, leaf, policy }: Extract<PodCertificateOutcome, { outcome: 'issued' }>,
  ): void {
    this.#count('issued', request, open);
    this.#deps.log.info(
      {
        ...subjectOf(request),
        issuer: issuerKeyText(issuer),
        policy,
        identity: leaf.altNames.uris[0],
        serialNumber: leaf.serialNumber,
        notAfter: leaf.notAfter.toISOString(),
        durationMs: this.#deps.clock.now() - open.seenAt,
      },
      'pod certificate issued',
    );
  }

  #count(outcome: 'issued' | 'denied', { metadata }: PodCertificateRequest, { seenAt }: OpenRequest): void {
    const now = this.#deps.clock.now();
    const created = Date.parse(metadata.creationTimestamp ?? '');
    this.#deps.metrics.answered(outcome, now - seenAt, now - created);
  }

  /** The kubelet says only that there is no certificate yet, so the pod is told why. */
  #tellPod({ metadata, spec }: PodCertificateRequest, reason: WaitReason, message: string): void {
    const { namespace } = metadata;
    const pod = {
      apiVersion: 'v1',
      metadata: {
        name: spec.podName,
        uid: spec.podUID,
        ...(namespace !== undefined && { namespace }),
      },
    };
    const note = `Pod certificate of signer ${spec.signerName}: ${message}`;
    this.#deps.events.record(pod, 'Pod', 'Warning', reason, note);
  }

  #forget(key: string): void {
    if (!this.#open.delete(key)) return;
    this.#queue.forget(key);
    this.#deps.metrics.open(this.#open.size);
  }
}

function reasonOf(fault: StatusFault): WaitReason {
  if (fault === 'too-short') return 'LifetimeTooShort';
  return fault === 'not-before' ? 'ClockSkew' : 'UnexpectedCertificate';
}

function refusalOf({ details }: KubeError): WaitReason {
  const fields = (details?.causes ?? []).map(({ field }) => field);
  return fields.includes('status.notBefore') ? 'ClockSkew' : 'RefusedByServer';
}

function isOpen(request: PodCertificateRequest): boolean {
  const { deletionTimestamp } = request.metadata;
  return isOurSigner(request.spec.signerName) && deletionTimestamp === undefined && !isTerminal(request);
}

function subjectOf({ metadata, spec }: PodCertificateRequest): {
  readonly podCertificateRequest: string;
  readonly pod: string;
  readonly podUid: string;
  readonly serviceAccount: string;
  readonly node: string;
} {
  const { namespace = '', name = '' } = metadata;
  return {
    podCertificateRequest: `${namespace}/${name}`,
    pod: `${namespace}/${spec.podName}`,
    podUid: spec.podUID,
    serviceAccount: `${namespace}/${spec.serviceAccountName}`,
    node: spec.nodeName,
  };
}
