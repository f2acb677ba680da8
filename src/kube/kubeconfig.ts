import type { KubeConfig } from '@kubernetes/client-node';
import { type Clock, systemClock } from './clock.ts';
import { type Connection, fileToken } from './connection.ts';
import { tlsFiles, type TlsMaterial } from './tls-files.ts';

/**
 * How kubectl would reach the API server: client certificates, tokens, basic authentication, exec and OIDC credentials.
 *
 * Loads @kubernetes/client-node, which costs 55 to 80 MB of resident memory: a pod uses inClusterConnection. A client
 * certificate that an exec plugin hands out is taken once; its token is asked for again when it runs out.
 *
 * @param path the file; KUBECONFIG or ~/.kube/config when not given
 * @param context one of the file's; its current one when not given
 */
export async function kubeconfigConnection(
  path?: string,
  context?: string,
  deps: { clock: Clock } = { clock: systemClock },
): Promise<Connection> {
  const { KubeConfig, bufferFromFileOrString } = await import('@kubernetes/client-node');
  const { kubeconfigUser } = await import('./kubeconfig-user.ts');
  const load = (): KubeConfig => {
    const config = new KubeConfig();
    if (path === undefined) {
      config.loadFromDefault();
    } else {
      config.loadFromFile(path);
    }
    if (context !== undefined) {
      config.setCurrentContext(context);
    }
    return config;
  };
  const config = load();
  const cluster = config.getCurrentCluster();
  const from = `kubeconfig${path === undefined ? '' : ` ${path}`}, context "${config.getCurrentContext()}"`;
  if (cluster === null) {
    throw new Error(
      `${from}: names no cluster; known contexts: ${config.contexts.map(({ name }) => name).join(', ')}`,
    );
  }
  if (cluster.proxyUrl) {
    throw new Error(`${from}: proxy-url is not supported`);
  }
  const user = config.getCurrentUser();
  const { impersonation, tokenFile } = await kubeconfigUser(path, user?.name ?? '');
  if (impersonation.length > 0) {
    throw new Error(`${from}: ${impersonation.join(', ')} is not supported`);
  }
  const dynamic = Boolean(user?.exec ?? user?.authProvider);
  const credentials = dynamic ? await askPlugin(config) : {};
  const cert = bufferFromFileOrString(user?.certFile, user?.certData)?.toString() ?? credentials.cert;
  const key = bufferFromFileOrString(user?.keyFile, user?.keyData)?.toString() ?? credentials.key;
  const ca = bufferFromFileOrString(cluster.caFile, cluster.caData)?.toString();
  const tls: TlsMaterial = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { clientCert: { cert, key } }),
  };
  const files = { ca: cluster.caFile, cert: user?.certFile, key: user?.keyFile };
  const staticToken = user?.token;
  // As kubectl: the file counts where there is a token too.
  const token = tokenFile
    ? fileToken(tokenFile, deps)
    : staticToken
      ? () => Promise.resolve(staticToken)
      : credentials.token !== undefined
        ? pluginToken(config, load, credentials.token, deps)
        : undefined;
  await token?.();
  const headers: Record<string, string> = {};
  if (user?.impersonateUser) {
    headers['Impersonate-User'] = user.impersonateUser;
  }
  if (user?.username) {
    headers['Authorization'] =
      `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
  }
  return {
    server: new URL(cluster.server),
    ...tls,
    ...(Object.values(files).some(Boolean) && { tls: tlsFiles(files, tls, deps) }),
    ...(token !== undefined && { token }),
    ...(cluster.tlsServerName && { tlsServerName: cluster.tlsServerName }),
    ...(cluster.skipTLSVerify && { insecureSkipTlsVerify: true }),
    ...(Object.keys(headers).length > 0 && { headers }),
  };
}

interface PluginCredentials {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

async function askPlugin(config: KubeConfig): Promise<PluginCredentials> {
  const options: { headers?: Record<string, string>; cert?: string; key?: string } = {};
  await config.applyToHTTPSOptions(options);
  const bearer = options.headers?.['Authorization'];
  return {
    ...(bearer?.startsWith('Bearer ') && { token: bearer.slice('Bearer '.length) }),
    ...(options.cert !== undefined && { cert: options.cert }),
    ...(options.key !== undefined && { key: options.key }),
  };
}

const pluginTokenAgeMs = 30_000;

/** client-node caches the plugin's answer until it expires; this keeps even that off the path of most calls. */
function pluginToken(
  first: KubeConfig,
  load: () => KubeConfig,
  firstToken: string,
  deps: { clock: Clock },
): (options?: { fresh?: boolean }) => Promise<string> {
  let config = first;
  let token = firstToken;
  let askedAt = deps.clock.now();
  let asking: Promise<string> | undefined;
  const ask = async (fresh: boolean): Promise<string> => {
    try {
      // The cache cannot be told that the server refused the token; a new KubeConfig has an empty one.
      config = fresh ? load() : config;
      token = (await askPlugin(config)).token ?? token;
      askedAt = deps.clock.now();
      return token;
    } finally {
      asking = undefined;
    }
  };
  return (options) => {
    const ageMs = deps.clock.now() - askedAt;
    if (ageMs >= 0 && ageMs < pluginTokenAgeMs && options?.fresh !== true) {
      return Promise.resolve(token);
    }
    asking ??= ask(options?.fresh === true);
    return asking;
  };
}
