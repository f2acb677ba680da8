import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';

/** Where an API server is and how to be known to it. */
export interface Connection {
  /** http: or https:, with or without a path prefix. */
  readonly server: URL;
  /** PEM of the authorities to trust; the system's own when not set. */
  readonly ca?: string;
  /** PEM of the certificate chain and of its key. */
  readonly clientCert?: { readonly cert: string; readonly key: string };
  /** The bearer token to use now. Asked for at every call, hence cheap; `fresh` when the server refused the last one. */
  readonly token?: (options?: { fresh?: boolean }) => Promise<string>;
  /** Name to ask for and to verify instead of the server's host. */
  readonly tlsServerName?: string;
  /** Only from a kubeconfig that says so. */
  readonly insecureSkipTlsVerify?: boolean;
  /** Sent with every call, e.g. Impersonate-User. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface InClusterOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where the kubelet projects the token and the authorities. */
  readonly directory?: string;
}

/** How a pod reaches its API server: the service's environment variables and the projected service account. */
export async function inClusterConnection(
  options: InClusterOptions = {},
  deps: { clock: Clock } = { clock: systemClock },
): Promise<Connection> {
  const environment = options.environment ?? process.env;
  const directory = options.directory ?? '/var/run/secrets/kubernetes.io/serviceaccount';
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new Error(
      'not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; give a kubeconfig',
    );
  }
  const token = fileToken(join(directory, 'token'), deps);
  await token();
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    ca: await readFile(join(directory, 'ca.crt'), 'utf8'),
    token,
  };
}

/** The kubelet replaces a projected token when a fifth of its life is left, two minutes at the least. */
const tokenAgeMs = 60_000;

/**
 * A token that something else keeps fresh in a file; read at most once a minute. While the file cannot be read the
 * last token is used on: the server is the judge of its validity.
 */
export function fileToken(
  path: string,
  deps: { clock: Clock },
): (options?: { fresh?: boolean }) => Promise<string> {
  let token: string | undefined;
  let readAt = 0;
  let reading: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    const startedAt = deps.clock.now();
    try {
      const text = (await readFile(path, 'utf8')).trim();
      if (text === '') {
        throw new Error(`${path} is empty`);
      }
      token = text;
      readAt = startedAt;
      return text;
    } catch (error) {
      if (token === undefined) {
        throw error;
      }
      return token;
    } finally {
      reading = undefined;
    }
  };
  return (options) => {
    // A clock that was set back makes the age negative, which also means "do not know".
    const ageMs = deps.clock.now() - readAt;
    if (token !== undefined && ageMs >= 0 && ageMs < tokenAgeMs && options?.fresh !== true) {
      return Promise.resolve(token);
    }
    reading ??= read();
    return reading;
  };
}
