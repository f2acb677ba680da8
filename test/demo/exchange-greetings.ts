import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';

export interface Greeting {
  /** Subject alternative name that the server saw of its client. */
  readonly peer: string;
  /** Of the server's certificate. */
  readonly serial: string;
}

/** One mutual TLS handshake on loopback, each end with the files of its volume. */
export async function exchangeGreetings(clientVolume: string, serverVolume: string): Promise<Greeting> {
  const settled = Promise.withResolvers<Greeting>();
  let serial = '';
  const server = createServer(
    { ...material(serverVolume), requestCert: true, rejectUnauthorized: true },
    (socket) => {
      settled.resolve({ peer: String(socket.getPeerCertificate().subjectaltname), serial });
      socket.end();
    },
  );
  server.on('tlsClientError', settled.reject);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    ...material(clientVolume),
    checkServerIdentity: (_host, certificate) => {
      serial = certificate.serialNumber;
      return undefined;
    },
  });
  socket.on('error', settled.reject);
  try {
    return await settled.promise;
  } finally {
    socket.destroy();
    server.close();
  }
}

/** Key and chain from one file, which never disagree. */
function material(volume: string): { key: string; cert: string; ca: string } {
  const bundle = readFileSync(join(volume, 'credential-bundle.pem'), 'utf8');
  return { key: bundle, cert: bundle, ca: readFileSync(join(volume, 'ca.crt'), 'utf8') };
}
