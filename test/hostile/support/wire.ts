import type { IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';

/** gRPC's length-prefixed message. */
export function grpcMessage(
  payload: Uint8Array,
  {
    compressed = false,
    length = payload.length,
  }: { readonly compressed?: boolean; readonly length?: number } = {},
): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, payload]);
}

export interface RawCall {
  readonly path: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back of a call, whatever was sent: the gRPC status, the HTTP status, or that the stream was reset. */
export type RawAnswer =
  | { readonly answer: 'grpc'; readonly status: number; readonly message: string }
  | { readonly answer: 'http'; readonly status: number }
  | { readonly answer: 'reset' }
  | { readonly answer: 'none' };

/** Sends octets to a method as they are. */
export function callRaw(socket: string, call: RawCall, limitMs = 5_000): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const session = connectHttp2('http://localhost', { createConnection: () => connectSocket(socket) });
    let answer: RawAnswer = { answer: 'none' };
    const finish = (): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(answer);
    };
    const timer = setTimeout(finish, limitMs);
    session.on('error', () => {
      answer = { answer: 'reset' };
      finish();
    });
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: call.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...call.headers,
    });
    const note = (headers: IncomingHttpHeaders & { readonly ':status'?: number }): void => {
      const { 'grpc-message': message, 'grpc-status': grpc, ':status': http } = headers;
      if (grpc !== undefined)
        answer = {
          answer: 'grpc',
          status: Number(grpc),
          message: typeof message === 'string' ? message : '',
        };
      else if (http !== undefined && answer.answer === 'none') answer = { answer: 'http', status: http };
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => (answer = { answer: 'reset' }));
    stream.on('close', finish);
    stream.resume();
    stream.end(call.body);
  });
}

/** Writes octets to the socket and leaves; resolves when the other side has closed it, or after a while. */
export function sendRaw(socket: string, octets: Uint8Array, waitMs = 300): Promise<void> {
  return new Promise((resolve) => {
    const connection = connectSocket(socket);
    const timer = setTimeout(() => connection.destroy(), waitMs);
    connection.on('error', () => {});
    connection.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    connection.resume();
    connection.write(octets);
  });
}

/** RFC 9113 §3.4. */
export const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** One field of a protobuf message with whatever wire type. */
export function protobufField(number: number, wireType: number, payload: Uint8Array): Buffer {
  const tag = varint(BigInt(number) * 8n + BigInt(wireType));
  return wireType === 2
    ? Buffer.concat([tag, varint(BigInt(payload.length)), payload])
    : Buffer.concat([tag, payload]);
}

export function varint(value: bigint): Buffer {
  const octets: number[] = [];
  let rest = value;
  do {
    octets.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(octets);
}
