import { Writable } from 'node:stream';
import type { KubeConfig, V1Status } from '@kubernetes/client-node';
import { type ContainerRef, ExecError, unlessStopped } from './cluster.ts';

/** A node with thousands of volumes prints a few megabytes. */
const longestOutput = 64 << 20;

/**
 * `kubectl exec`, without a terminal and without input.
 *
 * @param signal its reason is a TimeoutError when it is the time that is up
 * @throws {ExecError}
 */
export async function podExec(
  config: KubeConfig,
  container: ContainerRef,
  command: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { Exec } = await import('@kubernetes/client-node');
  const { promise, reject, resolve } = Promise.withResolvers<V1Status>();
  promise.catch(() => {});
  const { namespace, pod } = container;
  const what = `exec in ${namespace}/${pod}`;
  const tooLong = (): void =>
    reject(new ExecError('failed', `${what}: it printed more than ${longestOutput >> 20} MiB`));
  const output = new Collector(longestOutput, tooLong);
  const trouble = new Collector(longestOutput, tooLong);
  const lost = (): void => reject(new ExecError('unreachable', `${what}: the connection was lost`));
  const opening = new Exec(config)
    .exec(namespace, pod, container.container, [...command], output, trouble, null, false, resolve)
    .then(
      (socket) => {
        socket.onclose = lost;
        socket.onerror = lost;
        return socket;
      },
      (error: unknown) => {
        reject(upgradeError(what, error));
        return undefined;
      },
    );
  try {
    const status = await unlessStopped(what, signal, promise);
    if (status.status === 'Success') return output.text();
    const reason = status.reason === 'NonZeroExitCode' ? 'failed' : 'unreachable';
    const said = trouble.text().trim().slice(-500) || (status.message ?? 'it failed');
    throw new ExecError(reason, `${what}: ${said}`);
  } finally {
    void opening.then((socket) => socket?.close());
  }
}

/** Keeps what is printed, up to a limit past which nothing of it would be true. */
export class Collector extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly #longest: number;
  readonly #tooLong: () => void;
  #length = 0;

  constructor(longest: number, tooLong: () => void) {
    super();
    this.#longest = longest;
    this.#tooLong = tooLong;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#length += chunk.length;
    if (this.#length <= this.#longest) this.#chunks.push(chunk);
    else this.#tooLong();
    done();
  }
}

/** The WebSocket library tells of an HTTP answer in its message only: "Unexpected server response: 403". */
export function upgradeError(what: string, error: unknown): ExecError {
  const { message = String(error) } = error as { message?: string };
  const code = /Unexpected server response: (\d{3})/.exec(message)?.[1];
  if (code === '403' || code === '401')
    return new ExecError('forbidden', `${what} is not allowed (${code})`, { cause: error });
  return new ExecError('unreachable', `${what}: ${message}`, { cause: error });
}
