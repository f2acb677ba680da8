import { Duplex, PassThrough, Writable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { ExecError, unlessStopped } from './cluster.ts';
import { upgradeError } from './pod-exec.ts';

/** `kubectl port-forward`, for one connection. */
export async function podDial(
  config: KubeConfig,
  pod: { readonly namespace: string; readonly name: string },
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const { PortForward } = await import('@kubernetes/client-node');
  const what = `port-forward to ${pod.namespace}/${pod.name}`;
  const input = new PassThrough();
  const duplex = new Duplex({
    read() {},
    write: (chunk: Buffer, _encoding, done) => void input.write(chunk, () => done()),
    final: (done) => void input.end(() => done()),
  });
  // The kubelet's refusal may come with the answer to the upgrade, before the caller can listen; see `errored` of the stream.
  duplex.on('error', () => {});
  const received = new Writable({
    write(chunk: Buffer, _encoding, done) {
      duplex.push(chunk);
      done();
    },
  });
  const errors = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const text = chunk.toString().trim();
      if (text !== '') duplex.destroy(new ExecError('unreachable', `${what}: ${text}`));
      done();
    },
  });
  const opening = new PortForward(config)
    .portForward(pod.namespace, pod.name, [port], received, errors, input)
    .then(
      (socket) => {
        if (typeof socket === 'function') throw new TypeError('a connection that restarts was not asked for');
        socket.onclose = () => duplex.push(null);
        duplex.once('close', () => socket.close());
        // Nobody wants it any more.
        if (duplex.destroyed) socket.close();
      },
      (error: unknown) => {
        throw upgradeError(what, error);
      },
    );
  try {
    await unlessStopped(what, signal, opening);
  } catch (error) {
    opening.catch(() => {});
    duplex.destroy();
    throw error;
  }
  return duplex;
}
