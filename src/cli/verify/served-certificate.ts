import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { type CertificateDescription, decodeCertificate, describeCertificate } from '../../pki/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { isTimeout } from '../cluster/cluster.ts';

export interface ServedCertificateOptions {
  /** What to ask for by SNI; nothing when undefined. */
  readonly serverName: string | undefined;
  /** Its reason is a TimeoutError when it is the time that is up. */
  readonly signal: AbortSignal;
}

/**
 * The certificate that a TLS server shows. Shows none itself: a server that wants one has said its own before it refuses,
 * with TLS 1.3 and with TLS 1.2 (RFC 8446 §2, RFC 5246 §7.3). Nothing is verified: that is the question, not the premise.
 *
 * @throws {ToolError} when there is no TLS
 */
export async function servedCertificate(
  connection: Duplex,
  { serverName, signal }: ServedCertificateOptions,
): Promise<CertificateDescription> {
  if (connection.errored !== null) throw noCertificate(connection.errored.message, connection.errored);
  const { promise, reject, resolve } = Promise.withResolvers<CertificateDescription>();
  const socket = connect({
    socket: connection,
    rejectUnauthorized: false,
    ...(serverName !== undefined && { servername: serverName }),
  });
  const look = (): void => {
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) return;
    try {
      resolve(describeCertificate(decodeCertificate(Buffer.from(shown.raw))));
    } catch (error) {
      // Whoever holds the port may show anything.
      fail((error as Error).message, error);
    }
  };
  const fail = (why: string, cause?: unknown): void => reject(noCertificate(why, cause));
  // A TLS 1.2 server that wants our certificate ends the handshake; keys are made, and told of, just before.
  socket.on('keylog', look);
  socket.on('secureConnect', look);
  socket.on('error', (error) => fail(error.message, error));
  socket.on('close', () => fail('the connection was closed; does it speak TLS from its first byte on?'));
  connection.on('error', (error: Error) => fail(error.message, error));
  const stop = (): void => fail(isTimeout(signal) ? 'no answer in time' : 'interrupted');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
    connection.destroy();
  }
}

function noCertificate(why: string, cause: unknown): ToolError {
  return new ToolError(`the port shows no certificate: ${why.trim()}`, { cause });
}
