import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Authority, noAltNames } from '../../../../src/pki/index.ts';
import { hour, makeLeaf } from '../../pki/support/builders.ts';

/** An HTTPS server at 127.0.0.1 that says who the client is, and whose certificate can be replaced. */
export class TlsApiServer implements AsyncDisposable {
  /** Connections that were opened. */
  connections = 0;
  /** Common names of client certificates that are refused. */
  readonly refused = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer({ requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const user = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
      const refused = this.refused.has(String(user));
      response.writeHead(refused ? 401 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ user }));
    });
    this.#server.on('secureConnection', () => (this.connections += 1));
  }

  static async start(authority: Authority): Promise<TlsApiServer> {
    const server = new TlsApiServer();
    await server.identify(authority);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Has a certificate of this authority from now on, and ends what was connected with another. */
  async identify(authority: Authority): Promise<void> {
    const { cert, key } = await pairOf(authority, 'kube-apiserver');
    this.#server.setSecureContext({ cert, key });
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** PEM of a certificate for the name and 127.0.0.1, valid now. */
export async function pairOf(
  authority: Authority,
  commonName: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const { certificate, key } = await makeLeaf(authority, {
    subject: { commonName },
    altNames: { ...noAltNames, ipAddresses: ['127.0.0.1'] },
    ...validNow(),
  });
  return { cert: certificate.pem, key: String(key.export({ type: 'pkcs8', format: 'pem' })) };
}

export function validNow(): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) };
}
