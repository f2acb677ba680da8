import { isTerminal } from '../../api/pod-certificate-request.ts';
import type {
  PodCertificateRequest,
  PodCertificateRequestStatus,
} from '../../api/pod-certificate-request.ts';
import { formatTime } from '../../api/time.ts';
import { backoffMs, isKubeError, keyTextOf, parseKey, WorkQueue } from '../../kube/index.ts';
import type { Change, Clock, ObjectKey, Requeue } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import { issuerKeyText } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { PodCertificateMetrics } from './pod-certificate-metrics.ts';
import type { PodCertificateOutcome, WaitReason } from './pod-certificate-outcome.ts';
import { isOurSigner, issuersOfSigner } from './signer-name.ts';

export interface PodCertificateControllerOptions {
  /** Requests in hand at once; nearly all of their time is spent waiting for the status write. */
  readonly workers: number;
}

export interface PodCertificateControllerDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (key: ObjectKey) => PodCertificateRequest | undefined;
  readonly resolve: (request: PodCertificateRequest) => Promise<PodCertificateOutcome>;
  /** One API write, which fails with 'conflict' when the request has changed since it was read. */
  readonly writeStatus: (
    request: PodCertificateRequest,
    status: PodCertificateRequestStatus,
  ) => Promise<unknown>;
  readonly events: EventRecorder;
  readonly metrics: PodCertificateMetrics;
  readonly log: Logger;
}

interface Open {
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
  readonly issuers: ReadonlySet<string>;
  /** Looks in a row that came to nothing. */
  waits: number;
}

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
  readonly #open = new Map<string, Open>();
  /** Answered, but the watch has not told of it: by uid. */
  readonly #answered = new Map<string, string>();

  constructor(options: PodCertificateControllerOptions, deps: PodCertificateControllerDependencies) {
    this.#deps = deps;
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
      this.#answered.delete(key);
      return;
    }
    const uid = object.metadata.uid ?? '';
    if (this.#open.get(key)?.uid !== uid) {
      const { namespace = '' } = object.metadata;
      const issuers = new Set(issuersOfSigner(object.spec.signerName, namespace).map(issuerKeyText));
      this.#open.set(key, { uid, issuers, seenAt: this.#deps.clock.now(), waits: 0 });
      this.#deps.metrics.open(this.#open.size);
    }
    this.#queue.add(key);
  };

  /** The issuer's state is known, perhaps anew. */
  issuerKnown(issuer: IssuerKey): void {
    const text = issuerKeyText(issuer);
    for (const [key, { issuers }] of this.#open) if (issuers.has(text)) this.#queue.add(key);
  }

  /** The policies may say something else than they did. */
  policiesChanged(): void {
    for (const key of this.#open.keys()) this.#queue.add(key);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run(signal);
    this.#deps.metrics.open(0);
  }

  async #reconcile(key: string): Promise<Requeue | void> {
    const { find, resolve } = this.#deps;
    const request = find(parseKey(key));
    const open = this.#open.get(key);
    // Its deletion was told of by nobody when the watch moved to another version of the API.
    if (!request) this.#forget(key);
    if (!request || !open || !isOpen(request) || this.#answered.get(key) === request.metadata.uid) return;

    const outcome = await resolve(request);
    switch (outcome.outcome) {
      case 'hold':
        return;
      case 'waiting':
        return this.#wait(request, open, outcome);
      case 'denied':
        return this.#deny(key, request, open, outcome);
      case 'issued':
        if (await this.#write(key, request, outcome.status)) this.#tellIssued(request, open, outcome);
        return;
    }
  }

  #wait(
    request: PodCertificateRequest,
    open: Open,
    { message, reason }: Extract<PodCertificateOutcome, { outcome: 'waiting' }>,
  ): Requeue | void {
    const { log, metrics, random } = this.#deps;
    metrics.waiting(reason);
    log.info({ ...subjectOf(request), reason }, 'pod certificate waits');
    this.#tellPod(request, reason, message);
    open.waits += 1;
    return endedByIssuer.has(reason)
      ? undefined
      : { requeueAfterMs: backoffMs(open.waits, waitBackoff, random) };
  }

  async #deny(
    key: string,
    request: PodCertificateRequest,
    open: Open,
    { message, reason }: Extract<PodCertificateOutcome, { outcome: 'denied' }>,
  ): Promise<void> {
    // It may quote what the pod's author has written, of which there may be much.
    const condition = message.slice(0, longestMessage);
    const lastTransitionTime = formatTime(this.#deps.clock.now());
    const denied: PodCertificateRequestStatus = {
      conditions: [{ type: 'Denied', status: 'True', reason, message: condition, lastTransitionTime }],
    };
    if (!(await this.#write(key, request, denied))) return;
    this.#count('denied', request, open);
    // The kubelet tells the pod.
    this.#deps.log.info({ ...subjectOf(request), reason, condition }, 'pod certificate denied');
  }

  /** False when the request is gone or another writer was faster, whose change brings it back by itself. */
  async #write(
    key: string,
    request: PodCertificateRequest,
    status: PodCertificateRequestStatus,
  ): Promise<boolean> {
    try {
      await this.#deps.writeStatus(request, status);
    } catch (error) {
      if (isKubeError(error, 'conflict', 'not-found')) return false;
      throw error;
    }
    if (this.#open.has(key)) this.#answered.set(key, request.metadata.uid ?? '');
    return true;
  }

  /** The API keeps a request for a quarter of an hour only: who got what, for how long, is in the log. */
  #tellIssued(
    request: PodCertificateRequest,
    open: Open,
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

  #count(outcome: 'issued' | 'denied', { metadata }: PodCertificateRequest, { seenAt }: Open): void {
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
