import http from 'node:http';
import https from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Connection } from '../connection.ts';
import type { TlsMaterial } from '../tls-files.ts';

/**
 * A watch holds its connection for minutes: it does not count against the pool of the calls. Connections of the third show
 * no client certificate, because the API server would take it for who we are before it looks at a token.
 */
export type Pool = 'calls' | 'watches' | 'other-users';

export type Agents = Readonly<Record<Pool, http.Agent>>;

/** Go's HTTP server closes connections that are idle for 90 s; staying well below avoids the race. */
const idleSocketMs = 55_000;
/** The kernel finds out within a minute that the other end of a quiet watch is gone. */
export const tcpKeepAlive = { idleMs: 30_000, intervalMs: 10_000, probes: 3 };

/** @param tls in place of the connection's own */
export function createAgents(connection: Connection, tls: TlsMaterial, maxSockets: number): Agents {
  const secure = connection.server.protocol === 'https:';
  const pool: http.AgentOptions = {
    keepAlive: true,
    keepAliveMsecs: tcpKeepAlive.idleMs,
    timeout: idleSocketMs,
    // The most recently used connection first: its TCP window is open, and the others may go idle and close.
    scheduling: 'lifo',
  };
  const own = secure ? tlsOptions(connection, tls) : {};
  const create = (most: number, mostFree: number, credentials = own): http.Agent =>
    secure
      ? new https.Agent({ ...pool, ...credentials, maxSockets: most, maxFreeSockets: mostFree })
      : new http.Agent({ ...pool, maxSockets: most, maxFreeSockets: mostFree });
  const { clientCert, ...nameless } = tls;
  const calls = create(maxSockets, maxSockets);
  return {
    calls,
    watches: create(Infinity, 2),
    'other-users':
      !secure || clientCert === undefined
        ? calls
        : create(maxSockets, maxSockets, tlsOptions(connection, nameless)),
  };
}

/** Closes the connections that wait in the pools. */
export function closeIdle(agents: Agents): void {
  for (const agent of Object.values(agents)) {
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of sockets ?? []) {
        socket.destroy();
      }
    }
  }
}

/** Has connections go when what is under way on them has ended. */
export function retire(agents: Agents): void {
  for (const agent of Object.values(agents)) agent.maxFreeSockets = 0;
  closeIdle(agents);
}

/**
 * The context is made once: it is the dear part of a connection, and with PEM texts instead of it the agent would
 * build a pool key out of all of them for every request.
 */
function tlsOptions(connection: Connection, { ca, clientCert }: TlsMaterial): https.AgentOptions {
  const { tlsServerName, insecureSkipTlsVerify } = connection;
  return {
    secureContext: createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(clientCert !== undefined && { cert: clientCert.cert, key: clientCert.key }),
      minVersion: 'TLSv1.2',
    }),
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
    ...(insecureSkipTlsVerify === true && { rejectUnauthorized: false }),
  };
}
