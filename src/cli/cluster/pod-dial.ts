import { Duplex, PassThrough, Writable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { ExecError } from './cluster.ts';
import { upgradeError } from './pod-exec.ts';

/** `kubectl port-forward`, for one connection. */
export async function podDial(
  config: KubeConfig,
  pod: { readonly namespace: string; readonly name: string },
  port: number,
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
  try {
    const socket = await new PortForward(config).portForward(
      pod.namespace,
      pod.name,
      [port],
      received,
      errors,
      input,
    );
    if (typeof socket === 'function') throw new TypeError('a connection that restarts was not asked for');
    socket.onclose = () => duplex.push(null);
    duplex.once('close', () => socket.close());
  } catch (error) {
    throw upgradeError(what, error);
  }
  return duplex;
}
