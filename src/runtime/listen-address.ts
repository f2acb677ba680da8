/** Where a server listens. Without a host, on every address of the machine, IPv6 and IPv4. */
export interface ListenAddress {
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/**
 * Reads "HOST:PORT", ":PORT" or "[IPv6]:PORT".
 *
 * @throws Error whose message says what is allowed
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new Error('must be HOST:PORT, :PORT or [IPv6]:PORT, with a port from 0 to 65535');
  }
  const host = match[1] ?? match[2] ?? '';
  return host === '' ? { port } : { host, port };
}

export function formatListenAddress(address: ListenAddress): string {
  const { host = '', port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
