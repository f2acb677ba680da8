import { certificateRequests } from '../../../src/api/certificate-request.ts';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { keyOf, type Resource } from '../../../src/kube/index.ts';
import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import { type ApiWrites, readApiWrites, writesBetween } from '../stand/api-writes.ts';
import { nodeName } from '../stand/install-cluster.ts';
import { deleteRequests, RequestFactory } from '../stand/request-factory.ts';
import { RequestWatch } from '../stand/request-watch.ts';
import { startBareApi } from '../stand/start-bare-api.ts';
import { TestStand } from '../stand/test-stand.ts';

const warmUp = 50;
const blockSize = 20;

export const requestsBench: Bench = {
  name: 'requests',
  summary:
    'CertificateRequests through the controller: many at once per second, and one at a time from created to Ready.',
  options: { runs: 'requests one at a time, 100 by default', atOnce: 'requests at once, 500 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, options } = context;
  const { atOnce = 500, runs = 100 } = options;
  await using stand = await TestStand.start(context);
  await stand.startController();
  const bare = await startBareApi(stand);
  await using client = await RequestClient.start(stand);
  await client.oneByOne(warmUp);
  await client.atOnce(warmUp);
  await bare.oneByOne(warmUp);
  await bare.createsAtOnce(warmUp);

  const [single, singleBare]: [number[], number[]] = [[], []];
  for (let done = 0; done < runs; done += blockSize) {
    single.push(...(await client.oneByOne(blockSize)));
    singleBare.push(...(await bare.oneByOne(blockSize)));
  }
  log(`${atOnce} at once`);
  const before = await readApiWrites(stand.admin);
  const tookMs = await client.atOnce(atOnce);
  const writes = writesBetween(before, await readApiWrites(stand.admin));
  const bareMs = await bare.createsAtOnce(atOnce);
  await bare.stop();
  return report({ atOnce, single, singleBare, tookMs, bareMs, writes });
}

/** Creates requests as a driver does, and sees them through its watch. */
class RequestClient implements AsyncDisposable {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  static async start(stand: TestStand): Promise<RequestClient> {
    const client = stand.client(stand.driverAccount);
    const watch = await RequestWatch.start(client, `${requestLabels.node}=${nodeName}`);
    const factory = await RequestFactory.create(stand, client);
    const requests = client.resource(certificateRequests);
    return new RequestClient({ stand, watch, factory, requests, close: () => client.close() });
  }

  /** @returns milliseconds of each from its create on until it was seen Ready */
  async oneByOne(count: number): Promise<number[]> {
    const times: number[] = [];
    for (const request of await this.#make(count)) {
      const started = performance.now();
      times.push((await this.#issue(request)) - started);
    }
    await this.#clear();
    return times;
  }

  /** @returns milliseconds from the first create on until the last was seen Ready */
  async atOnce(count: number): Promise<number> {
    const made = await this.#make(count);
    const started = performance.now();
    const finished = await Promise.all(made.map((request) => this.#issue(request)));
    await this.#clear();
    return Math.max(...finished) - started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.watch.stop();
    this.#parts.close();
  }

  #make(count: number): Promise<CertificateRequest[]> {
    return this.#parts.factory.makeMany(count, () => this.#parts.factory.make());
  }

  async #issue(request: CertificateRequest): Promise<number> {
    const { requests, watch } = this.#parts;
    const [finished] = await Promise.all([watch.finished(keyOf(request)), requests.create(request)]);
    return finished;
  }

  async #clear(): Promise<void> {
    const { stand } = this.#parts;
    await deleteRequests(stand.admin, stand.installed.pod.namespace);
  }
}

interface ClientParts {
  readonly stand: TestStand;
  readonly watch: RequestWatch;
  readonly factory: RequestFactory;
  readonly requests: Resource<CertificateRequest>;
  readonly close: () => void;
}

function report(measured: {
  readonly atOnce: number;
  readonly single: readonly number[];
  readonly singleBare: readonly number[];
  readonly tookMs: number;
  readonly bareMs: number;
  readonly writes: ApiWrites;
}): Report {
  const { atOnce, writes } = measured;
  const [single, bare] = [distributionOf(measured.single), distributionOf(measured.singleBare)];
  const ofRequests = [...writes].filter(([name]) => name.split('/')[0] === certificateRequests.plural);
  const others = [...writes].filter(([name]) => name.split('/')[0] !== certificateRequests.plural);
  return {
    bench: 'requests',
    title: `${atOnce} CertificateRequests at once (per_s), and one at a time (the percentiles)`,
    rows: [
      { what: 'one at a time, created to Ready', unit: 'ms', distribution: single },
      { what: 'yardstick: bare create, status update, watch event', unit: 'ms', distribution: bare },
    ],
    figures: {
      per_s: atOnce / (measured.tookMs / 1000),
      at_once: atOnce,
      api_writes_per_certificate: ofRequests.reduce((sum, [, count]) => sum + count, 0) / atOnce,
      yardstick_per_s: atOnce / (measured.bareMs / 1000),
      yardstick_p50_ms: bare.p50,
      ratio: single.p50 / bare.p50,
    },
    notes: [
      `API writes while ${atOnce} were issued: ${list(ofRequests)}; others: ${list(others)}`,
      'yardstick_per_s: as many creates at once, without status or watch; ratio: one at a time to its yardstick',
    ],
  };
}

function list(writes: readonly (readonly [string, number])[]): string {
  return writes.length === 0 ? 'none' : writes.map(([name, count]) => `${name} ${count}`).join(', ');
}
