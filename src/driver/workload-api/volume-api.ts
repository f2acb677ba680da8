// Loaded with the first volume that asks for it: workload-apis.ts says how.
import { Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js';
import type { VolumeFiles } from '../volume/files/volume-files.ts';
import type { VolumeSpec } from '../volume/volume-spec.ts';
import { AnswerStream } from './answer-stream.ts';
import { checkCalls } from './check-call.ts';
import type { SpiffeWorkloadAPIHandlers } from './generated/SpiffeWorkloadAPI.ts';
import type { WorkloadApiLimits } from './limits.ts';
import { workloadApiDefinition } from './service-definition.ts';
import { type Answer, bundlesAnswer, readSvid, type Svid, svidAnswer } from './svid.ts';
import { VolumeSocket, type VolumeSocketDependencies } from './volume-socket.ts';

export interface VolumeApiOptions {
  readonly limits: WorkloadApiLimits;
  readonly spec: VolumeSpec;
}

export interface VolumeApiDependencies extends Omit<VolumeSocketDependencies, 'onConnection'> {
  readonly files: VolumeFiles;
}

/** The Workload API of one volume. Whoever can open its socket is the volume's pod. */
export class VolumeApi {
  readonly #limits: WorkloadApiLimits;
  readonly #deps: VolumeApiDependencies;
  readonly #socket: VolumeSocket;
  readonly #streams = new Set<AnswerStream<unknown>>();
  #spec: VolumeSpec;

  constructor({ limits, spec }: VolumeApiOptions, dependencies: VolumeApiDependencies) {
    this.#limits = limits;
    this.#deps = dependencies;
    this.#spec = spec;
    const connections = this.#server().createConnectionInjector(ServerCredentials.createInsecure());
    this.#socket = new VolumeSocket(
      { limits, directory: spec.targetPath, group: spec.group },
      { ...dependencies, onConnection: (socket) => connections.injectConnection(socket) },
    );
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  /** Serves the socket if it is not served, and tells those who listen what the volume has now. */
  async update(spec: VolumeSpec): Promise<void> {
    this.#spec = spec;
    await this.#socket.open();
    if (this.#streams.size === 0) return;
    const state = this.#read();
    for (const stream of this.#streams) stream.offer(state);
  }

  close(): void {
    this.#socket.close();
  }

  endWindow(): void {
    this.#socket.endWindow();
  }

  #server(): Server {
    const limits = this.#limits;
    const server = new Server({
      interceptors: [checkCalls(limits, (bytes) => this.#socket.charge(bytes))],
      'grpc.enable_channelz': 0,
      'grpc.max_concurrent_streams': limits.streamsOfConnection,
      'grpc.max_receive_message_length': limits.messageBytes,
      'grpc.max_connection_idle_ms': limits.idleMs,
      'grpc.keepalive_time_ms': limits.keepaliveMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
      'grpc-node.max_session_memory': sessionMebibytes,
    });
    const handlers: SpiffeWorkloadAPIHandlers = {
      FetchX509SVID: (call) => this.#serve(call, svidAnswer),
      FetchX509Bundles: (call) => this.#serve(call, bundlesAnswer),
    };
    server.addService(workloadApiDefinition(), handlers);
    return server;
  }

  #serve<Response>(
    call: ServerWritableStream<unknown, Response>,
    render: (svid: Svid) => Answer<Response>,
  ): void {
    if (this.#streams.size >= this.#limits.streams) {
      const details = `at most ${this.#limits.streams} streams of a volume are open at once`;
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    const stream = new AnswerStream({}, { call, render, read: () => this.#read() });
    this.#streams.add(stream);
    call.once('close', () => this.#streams.delete(stream));
    stream.offer(this.#read());
  }

  #read(): ReturnType<typeof readSvid> {
    return readSvid(this.#spec, this.#deps.files);
  }
}

/** Of HTTP/2 state in one connection. */
const sessionMebibytes = 1;
