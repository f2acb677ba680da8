import { readFile } from 'node:fs/promises';
import { type Clock, KubeClient, kubeconfigConnection, systemClock } from '../../kube/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { version } from '../../version.ts';
import type { Cluster } from './cluster.ts';
import { podExec } from './pod-exec.ts';
import { podDial } from './pod-dial.ts';

export interface ConnectOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** The service account's own namespace, for who runs in a pod. */
const podNamespace = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** As kubectl would: the kubeconfig, with whatever credentials it names; in a pod its service account. */
export async function connect(
  options: ConnectOptions,
  deps: { readonly clock: Clock } = { clock: systemClock },
): Promise<Cluster> {
  // Loaded here, because it takes longer than all the rest of the program.
  const clientNode = await import('@kubernetes/client-node');
  const config = new clientNode.KubeConfig();
  const { context, kubeconfig } = options;
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new ToolError(`the kubeconfig cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.contexts.map(({ name }) => name).join(', ');
      throw new ToolError(
        `--context: ${JSON.stringify(context)} is not in the kubeconfig; there are ${known}`,
      );
    }
    config.setCurrentContext(context);
  }
  const client = new KubeClient(
    {
      connection: await kubeconfigConnection(kubeconfig, context, deps),
      userAgent: `certmount-cli/${version}`,
      maxSockets: 4,
    },
    { clock: deps.clock, random: Math.random },
  );
  const namespace =
    config.getContextObject(config.getCurrentContext())?.namespace ??
    (config.getCurrentContext() === 'inClusterContext'
      ? (await readFile(podNamespace, 'utf8')).trim()
      : 'default');
  return {
    client,
    namespace,
    exec: (container, command, signal) => podExec(config, container, command, signal),
    dial: (pod, port) => podDial(config, pod, port),
    async [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}
