import type { CertificateRequest, CertificateRequestStatus } from '../../../src/api/certificate-request.ts';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { getCondition, isConditionTrue } from '../../../src/api/condition.ts';
import { type KubeClient, type ObjectKey, Reflector, systemClock } from '../../../src/kube/index.ts';

/** Sees requests as the driver does: through one watch with its label selector. */
export class RequestWatch {
  readonly #reflector: Reflector<CertificateRequest>;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  private constructor(client: KubeClient, labelSelector: string) {
    this.#reflector = new Reflector(
      { resource: client.resource(certificateRequests), labelSelector },
      { clock: systemClock, random: Math.random },
    );
    this.#running = this.#reflector.run(this.#ending.signal);
  }

  static async start(client: KubeClient, labelSelector: string): Promise<RequestWatch> {
    const watch = new RequestWatch(client, labelSelector);
    await watch.#reflector.whenSynced();
    return watch;
  }

  /** @returns when it was seen with a final status, on the clock of `performance.now()` */
  async finished(key: ObjectKey): Promise<number> {
    await this.#final(key);
    return performance.now();
  }

  async statusOf(key: ObjectKey): Promise<CertificateRequestStatus> {
    const status = (await this.#final(key))?.status;
    if (status?.certificate === undefined)
      throw new Error(`${key.name} was not issued: ${JSON.stringify(status)}`);
    return status;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running.catch(() => {});
  }

  #final(key: ObjectKey): Promise<CertificateRequest | undefined> {
    const limit = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(60_000)]);
    return this.#reflector.waitFor(key, hasEnded, limit);
  }
}

/** Whoever the issuer is: the bare round trips are made with one that no controller serves. */
function hasEnded(request: CertificateRequest | undefined): boolean {
  const conditions = request?.status?.conditions;
  const reason = getCondition(conditions, 'Ready')?.reason;
  return isConditionTrue(conditions, 'Ready') || reason === 'Failed' || reason === 'Denied';
}
