import type { Duplex } from 'node:stream';
import type { KubeClient } from '../../kube/index.ts';
import { ToolError } from '../../runtime/tool.ts';

export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** What a command line tool needs of a cluster. */
export interface Cluster extends AsyncDisposable {
  readonly client: Pick<KubeClient, 'resource' | 'request'>;
  /** Of the kubeconfig's context. */
  readonly namespace: string;
  /**
   * Runs a program in a container.
   *
   * @returns what it printed
   * @throws ExecError
   */
  exec(container: ContainerRef, command: readonly string[], signal: AbortSignal): Promise<string>;
  /**
   * Opens a connection to a port of a pod, through the API server and the kubelet.
   *
   * @param signal ends the attempt, not the connection
   * @throws ExecError
   */
  dial(
    pod: { readonly namespace: string; readonly name: string },
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex>;
}

export function isTimeout({ reason }: AbortSignal): boolean {
  return (reason as Error | undefined)?.name === 'TimeoutError';
}

/** What comes of the work, unless the signal comes before it. */
export function unlessStopped<T>(what: string, signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void =>
    reject(
      isTimeout(signal)
        ? new ExecError('silent', `${what}: there was no answer in time`)
        : new ExecError('unreachable', `${what}: interrupted`),
    );
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', stop));
}

/** Why a program could not be run in a container. Closed. */
export type ExecFailure =
  | 'forbidden'
  | 'unreachable' // no such container, no kubelet, no connection
  | 'silent' // there was no answer in time
  | 'failed'; // the program ran and said so

export class ExecError extends ToolError {
  override readonly name = 'ExecError';
  readonly reason: ExecFailure;
  constructor(reason: ExecFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
