import { readFile } from 'node:fs/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Connection, KubeClient, kubeconfigConnection, systemClock } from '../../kube/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { version } from '../../version.ts';
import type { Cluster } from './cluster.ts';
import { podExec } from './pod-exec.ts';
import { podDial } from './pod-dial.ts';

export interface ConnectOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** What is run in pods prints what it has at once; a busy node takes seconds to start it. */
const execLimitMs = 15_000;

/** The service account's own namespace, for who runs in a pod. */
const podNamespace = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** As kubectl would: the kubeconfig, with whatever credentials it names; in a pod its service account. */
export async function connect({ context, kubeconfig }: ConnectOptions): Promise<Cluster> {
  // Loaded here, because it takes longer than all the rest of the program.
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  await usable(() => (kubeconfig === undefined ? config.loadFromDefault() : config.loadFromFile(kubeconfig)));
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.contexts.map(({ name }) => name).join(', ');
      throw new ToolError(
        `--context: ${JSON.stringify(context)} is not in the kubeconfig; there are ${known}`,
      );
    }
    config.setCurrentContext(context);
  }
  const connection = await usable<Connection>(() => kubeconfigConnection(kubeconfig, context));
  const client = new KubeClient(
    { connection, userAgent: `certmount-cli/${version}`, maxSockets: 4 },
    { clock: systemClock, random: Math.random },
  );
  return {
    client,
    namespace: await usable(() => namespaceOf(config)),
    exec: (container, command, signal) =>
      podExec(config, container, command, AbortSignal.any([signal, AbortSignal.timeout(execLimitMs)])),
    dial: (pod, port, signal) => podDial(config, pod, port, signal),
    async [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}

async function namespaceOf(config: KubeConfig): Promise<string> {
  const context = config.getCurrentContext();
  const { namespace } = config.getContextObject(context) ?? {};
  if (namespace !== undefined) return namespace;
  return context === 'inClusterContext' ? (await readFile(podNamespace, 'utf8')).trim() : 'default';
}

/** What goes wrong there is wrong with the kubeconfig, or with what it names: files, programs, addresses. */
async function usable<T>(use: () => T | Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    throw new ToolError(`the kubeconfig cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
