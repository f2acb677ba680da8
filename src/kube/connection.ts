import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import { type Fresh, keptFresh } from './kept-fresh.ts';
import { tlsFiles, type TlsMaterial } from './tls-files.ts';

/** Where an API server is and how to be known to it. */
export interface Connection extends TlsMaterial {
  /** http: or https:, with or without a path prefix. */
  readonly server: URL;
  /** What takes the place of `ca` and `clientCert` with time, where they are in files. */
  readonly tls?: Fresh<TlsMaterial>;
  /** The bearer token. */
  readonly token?: Fresh<string>;
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
  const caPath = join(directory, 'ca.crt');
  const ca = await readFile(caPath, 'utf8');
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    ca,
    tls: tlsFiles({ ca: caPath }, { ca }, deps),
    token,
  };
}

/** A token that something else keeps fresh in a file. */
export function fileToken(path: string, deps: { clock: Clock }): Fresh<string> {
  return keptFresh(async () => {
    const text = (await readFile(path, 'utf8')).trim();
    if (text === '') {
      throw new Error(`${path} is empty`);
    }
    return text;
  }, deps);
}
