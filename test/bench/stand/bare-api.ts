import type { CertificateRequest, CertificateRequestStatus } from '../../../src/api/certificate-request.ts';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { keyOf, type KubeClient, type Resource } from '../../../src/kube/index.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { bareNode, deleteRequests, type RequestFactory } from './request-factory.ts';
import { RequestWatch } from './request-watch.ts';
import type { TestStand } from './test-stand.ts';

/**
 * What the API server alone costs, by the client that certmount has: a CertificateRequest is created on one connection, its
 * status written on another, and the creator's watch tells of that. No key, no signature, no controller, no driver.
 */
export class BareApi {
  readonly #stand: TestStand;
  readonly #factory: RequestFactory;
  readonly #creator: { readonly client: KubeClient; readonly requests: Resource<CertificateRequest> };
  readonly #writer: { readonly client: KubeClient; readonly requests: Resource<CertificateRequest> };
  readonly #watch: RequestWatch;
  readonly #status: CertificateRequestStatus;

  private constructor(stand: TestStand, parts: Parts) {
    const withRequests = (
      client: KubeClient,
    ): { client: KubeClient; requests: Resource<CertificateRequest> } => ({
      client,
      requests: client.resource(certificateRequests),
    });
    this.#stand = stand;
    this.#factory = parts.factory;
    this.#creator = withRequests(parts.creator);
    this.#writer = withRequests(parts.writer);
    this.#watch = parts.watch;
    this.#status = parts.status;
  }

  /** @param status of a request that the controller has finished: what is written has its size */
  static async start(
    stand: TestStand,
    factory: RequestFactory,
    status: CertificateRequestStatus,
  ): Promise<BareApi> {
    const creator = stand.client(stand.driverAccount);
    const writer = stand.client(stand.controllerAccount);
    const watch = await RequestWatch.start(creator, `${requestLabels.node}=${bareNode}`);
    return new BareApi(stand, { factory, creator, writer, watch, status });
  }

  /** @returns milliseconds of each, from the create on, one after the other */
  async oneByOne(count: number): Promise<number[]> {
    const requests = await this.#make(count);
    return this.#alone(async () => {
      const times: number[] = [];
      for (const request of requests) times.push(await this.#roundTrip(request));
      return times;
    });
  }

  /** @returns milliseconds of each, from the common start on */
  async atOnce(count: number): Promise<number[]> {
    const requests = await this.#make(count);
    return this.#alone(() => Promise.all(requests.map((request) => this.#roundTrip(request))));
  }

  /** @returns milliseconds that so many creates at once take, without status or watch */
  async createsAtOnce(count: number): Promise<number> {
    const requests = await this.#make(count);
    return this.#alone(async () => {
      const started = performance.now();
      await Promise.all(requests.map((request) => this.#creator.requests.create(request)));
      return performance.now() - started;
    });
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
    this.#creator.client.close();
    this.#writer.client.close();
  }

  #make(count: number): Promise<CertificateRequest[]> {
    return this.#factory.makeMany(count, () => this.#factory.makeBare());
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.#stand.withProgramsPaused(work);
    await deleteRequests(
      this.#stand.admin,
      this.#stand.installed.pod.namespace,
      `${requestLabels.node}=${bareNode}`,
    );
    return result;
  }

  async #roundTrip(request: CertificateRequest): Promise<number> {
    const started = performance.now();
    const told = this.#watch.finished(keyOf(request));
    const { metadata } = await this.#creator.requests.create(request);
    const { name = '', namespace = '', resourceVersion = '' } = metadata;
    const body = { metadata: { name, namespace, resourceVersion }, status: this.#status };
    await Promise.all([told, this.#writer.requests.replaceStatus(body as CertificateRequest)]);
    return (await told) - started;
  }
}

interface Parts {
  readonly factory: RequestFactory;
  readonly creator: KubeClient;
  readonly writer: KubeClient;
  readonly watch: RequestWatch;
  readonly status: CertificateRequestStatus;
}
