import { certificateRequests } from '../../api/certificate-request.ts';
import type { CertificateRequest } from '../../api/certificate-request.ts';
import { Reflector } from '../../kube/index.ts';
import type { Clock, KubeClient } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import type { ControllerMetrics } from '../metrics.ts';
import { statusOf } from '../slim-object.ts';
import type { AwaitedSecrets } from '../issuers/awaited-secrets.ts';
import { RequestController } from './request-controller.ts';
import { resolveRequest } from './resolve-request.ts';
import type { ResolveDependencies } from './resolve-request.ts';
import { slimRequest } from './slim-request.ts';

export interface TermRequestsOptions {
  readonly workers: number;
}

export interface TermRequestsDependencies extends Pick<ResolveDependencies, 'approver' | 'issuer'> {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
  readonly awaitSecrets: (kind: string, onChange: (request: string) => void) => AwaitedSecrets;
  readonly onWatchError: (resource: string, error: unknown) => void;
}

/** The CertificateRequests of the cluster and what answers them, for as long as this process leads. */
export class TermRequests {
  readonly controller: RequestController;
  readonly #requests: Reflector<CertificateRequest>;

  constructor({ workers }: TermRequestsOptions, deps: TermRequestsDependencies) {
    const { approver, client, clock, events, issuer, log, metrics, onWatchError, random } = deps;
    const resource = client.resource(certificateRequests);
    this.#requests = new Reflector(
      { resource, transform: slimRequest },
      { clock, random, onError: (error) => onWatchError(certificateRequests.plural, error) },
    );
    const awaited = deps.awaitSecrets(certificateRequests.kind, (request) =>
      this.controller.secretChanged(request),
    );
    const resolving: ResolveDependencies = {
      now: () => clock.now(),
      approver,
      issuer,
      onWarning: (request, { reason, message }) =>
        events.record(request, 'CertificateRequest', 'Warning', reason, message),
    };
    this.controller = new RequestController(
      { workers },
      {
        clock,
        random,
        events,
        metrics,
        log,
        find: (key) => this.#requests.get(key),
        resolve: (request) => resolveRequest(request, resolving),
        writeStatus: (request, status) => resource.replaceStatus(statusOf(request, status)),
        awaitSecret: (request, secret) => awaited.await(request, secret),
      },
    );
    this.#requests.subscribe(this.controller.onChange);
  }

  get synced(): boolean {
    return this.#requests.synced;
  }

  /** @param ready resolves when the issuers are known: earlier, requests would be told that theirs do not exist */
  async run(ready: Promise<void>, signal: AbortSignal): Promise<void> {
    const working = this.controller.run(signal);
    await ready;
    await Promise.all([working, this.#requests.run(signal)]);
  }
}
