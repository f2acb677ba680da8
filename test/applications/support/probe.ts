import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Credentials } from './rotating-volume.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** What is said on a connection besides TLS. */
export interface Protocol {
  /** Before the handshake, where the protocol begins in the clear. */
  readonly prepare?: (socket: Socket) => Promise<void>;
  /** Ends only when the server has accepted the client: with TLS 1.3 the client's handshake is over before that. */
  readonly converse: (socket: TLSSocket) => Promise<void>;
}

/**
 * Opens a connection of its own, which resumes no session.
 *
 * @returns the serial number of the server's certificate
 */
export async function probe(endpoint: Endpoint, credentials: Credentials, limitMs = 5_000): Promise<string> {
  const failed = Promise.withResolvers<never>();
  const hungUp = (): void => failed.reject(new Error('the server hung up'));
  const limit = setTimeout(() => failed.reject(new Error(`no answer in ${limitMs / 1000} s`)), limitMs);
  const socket = connectTcp({ host: endpoint.address, port: endpoint.port });
  socket.on('error', failed.reject).on('end', hungUp);
  const talk = async (): Promise<string> => {
    await once(socket, 'connect');
    await endpoint.protocol.prepare?.(socket);
    const tls = connectTls({ socket, ...credentials, checkServerIdentity: () => undefined });
    tls.on('error', failed.reject).on('end', hungUp);
    await once(tls, 'secureConnect');
    const { serialNumber } = tls.getPeerCertificate();
    await endpoint.protocol.converse(tls);
    return serialNumber;
  };
  try {
    return await Promise.race([failed.promise, talk()]);
  } finally {
    clearTimeout(limit);
    socket.destroy();
  }
}

export const http: Protocol = {
  async converse(socket) {
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answer = await nextData(socket);
    if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`the server answered ${answer.split('\r\n')[0]}`);
  },
};

/** One octet a character. */
export async function nextData(socket: Socket): Promise<string> {
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString('latin1');
}
