import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { type Identity, pemOf } from './identities.ts';

/** The other end of TlsPeer's connections, on `node:tls`; the outcomes are in the same words. */
export class NodeServer {
  readonly #server: ReturnType<typeof createServer>;
  readonly #outcomes: Promise<string>[] = [];

  private constructor(identity: Identity) {
    this.#server = createServer({ ...pemOf(identity), requestCert: true, rejectUnauthorized: true });
    this.#server.on('secureConnection', (socket) => this.#outcomes.push(greet(socket)));
    this.#server.on('tlsClientError', (error) => this.#outcomes.push(Promise.resolve(refused(error))));
  }

  static async start(identity: Identity): Promise<NodeServer> {
    const server = new NodeServer(identity);
    server.#server.listen(0, 'localhost');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Of the connections so far, in their order. */
  async outcomes(): Promise<readonly string[]> {
    return Promise.all(this.#outcomes);
  }

  stop(): void {
    this.#server.close();
  }
}

export async function connectNode(identity: Identity, port: number): Promise<string> {
  return greet(connect({ ...pemOf(identity), port, host: 'localhost', servername: 'localhost' }));
}

/** Both sides send a line, so that each knows that the other has accepted it: TLS 1.3 tells a client late. */
async function greet(socket: TLSSocket): Promise<string> {
  try {
    socket.write('hello\n');
    const lines = createInterface({ input: socket });
    const failed = new Promise<never>((_, reject) => socket.once('error', reject));
    const ended = once(lines, 'close').then(() => Promise.reject(new Error('closed without a hello')));
    const [line] = (await Promise.race([once(lines, 'line'), failed, ended])) as [string];
    if (line !== 'hello') return refused(new Error('no hello'));
    return `peer ${socket.getPeerX509Certificate()?.subjectAltName?.match(/URI:([^,]*)/)?.[1] ?? 'none'}`;
  } catch (error) {
    return refused(error);
  } finally {
    socket.end();
  }
}

function refused(error: unknown): string {
  return `refused ${error instanceof Error ? error.message : String(error)}`;
}
