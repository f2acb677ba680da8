import { connect as connectHttp2, type ClientHttp2Session, type Settings } from 'node:http2';
import { connect } from 'node:net';
import {
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import descriptor from '../../../../src/driver/workload-api/generated/descriptor.json' with { type: 'json' };
import type { SpiffeWorkloadAPIClient } from '../../../../src/driver/workload-api/generated/SpiffeWorkloadAPI.ts';
import type { ProtoGrpcType } from '../../../../src/driver/workload-api/generated/workloadapi.ts';
import type { X509BundlesResponse__Output } from '../../../../src/driver/workload-api/generated/X509BundlesResponse.ts';
import type { X509SVIDResponse__Output } from '../../../../src/driver/workload-api/generated/X509SVIDResponse.ts';
import { parseCertificate } from '../../../../src/pki/index.ts';
import { eventually } from '../../../support/eventually.ts';

/** A client of the SPIFFE Workload API, as the libraries of SPIFFE are. */
export class WorkloadClient {
  readonly #client: SpiffeWorkloadAPIClient;
  readonly #streams: { cancel(): void }[] = [];

  constructor(socket: string) {
    const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
    const types = loadPackageDefinition(
      fromJSON(descriptor as Parameters<typeof fromJSON>[0], options),
    ) as unknown as ProtoGrpcType;
    this.#client = new types.SpiffeWorkloadAPI(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
      // Or clients of one socket share a connection.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
    });
  }

  svids(metadata = securityHeader()): Answers<X509SVIDResponse__Output> {
    return this.#following(new Answers(this.#client.FetchX509SVID({}, metadata)));
  }

  bundles(metadata = securityHeader()): Answers<X509BundlesResponse__Output> {
    return this.#following(new Answers(this.#client.FetchX509Bundles({}, metadata)));
  }

  /** A call of a method that may not be in the service. */
  unary(method: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const path = `/SpiffeWorkloadAPI/${method}`;
      const asIs = (bytes: Buffer): Buffer => bytes;
      this.#client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), securityHeader(), (error, answer) =>
        error === null && answer !== undefined ? resolve(answer) : reject(error),
      );
    });
  }

  close(): void {
    // A connection with a stream outlives its client.
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }

  #following<Response>(answers: Answers<Response>): Answers<Response> {
    this.#streams.push(answers);
    return answers;
  }
}

export function securityHeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('workload.spiffe.io', 'true');
  return metadata;
}

/** What came on one stream. */
export class Answers<Response> {
  readonly all: Response[] = [];
  readonly #call: ClientReadableStream<Response>;
  /** How the server ended it. */
  error: ServiceError | undefined;

  constructor(call: ClientReadableStream<Response>) {
    this.#call = call;
    call.on('data', (answer: Response) => this.all.push(answer));
    call.on('error', (error: ServiceError) => {
      this.error = error;
    });
  }

  /** The nth answer, counted from one. */
  async nth(count: number): Promise<Response> {
    await eventually(`answer ${count}`, () => this.all[count - 1] ?? this.error, 10_000);
    const answer = this.all[count - 1];
    if (answer === undefined) throw this.error ?? new Error('no answer');
    return answer;
  }

  failure(): Promise<ServiceError> {
    return eventually('the stream to end', () => this.error, 10_000);
  }

  cancel(): void {
    this.#call.cancel();
  }
}

export function serialOf(answer: X509SVIDResponse__Output): string {
  const [svid] = answer.svids;
  if (svid === undefined) throw new Error('no SVID in the answer');
  return parseCertificate(firstCertificate(svid.x509_svid)).serialNumber;
}

/** Of DER certificates one after the other; each begins with a SEQUENCE whose length has two bytes. */
function firstCertificate(der: Buffer): string {
  const first = der.subarray(0, 4 + der.readUInt16BE(2));
  return `-----BEGIN CERTIFICATE-----\n${first.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

/** A client that does what libraries never do. */
export function rawHttp2(socket: string, settings: Settings = {}): ClientHttp2Session {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socket), settings });
  session.on('error', () => {});
  return session;
}

export const rawHeaders = {
  ':method': 'POST',
  ':path': '/SpiffeWorkloadAPI/FetchX509SVID',
  'content-type': 'application/grpc',
  te: 'trailers',
  'workload.spiffe.io': 'true',
};

/** A gRPC message of no bytes. */
export const emptyMessage = Buffer.alloc(5);
