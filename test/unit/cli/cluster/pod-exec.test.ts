import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import { ExecError, type ExecFailure } from '../../../../src/cli/cluster/cluster.ts';
import { podExec } from '../../../../src/cli/cluster/pod-exec.ts';
import { encodePrivateKey } from '../../../../src/pki/index.ts';
import { makeRoot } from '../../pki/support/builders.ts';

const container = { namespace: 'web', pod: 'api', container: 'main' };

/** @param answer what the API server does with the request for a stream */
async function execAgainst(answer: (socket: Socket) => void, signal: AbortSignal): Promise<unknown> {
  const { certificate, key } = await makeRoot('api');
  const identity = { cert: certificate.pem, key: encodePrivateKey(key, 'PKCS8') };
  const server = createServer(identity, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    { name: 'u' },
  );
  try {
    return await podExec(config, container, ['true'], signal).catch((error: unknown) => error);
  } finally {
    server.close();
  }
}

function assertFailure(error: unknown, reason: ExecFailure, message: RegExp): void {
  assert.ok(error instanceof ExecError, String(error));
  assert.equal(error.reason, reason);
  assert.match(error.message, message);
}

describe('a program in a pod', () => {
  it('is given up when nothing comes in time, and when whoever asked has gone', async () => {
    const abort = new AbortController();
    const late = await execAgainst((socket) => {
      abort.abort(new DOMException('time is up', 'TimeoutError'));
      socket.destroy();
    }, abort.signal);
    assertFailure(late, 'silent', /^exec in web\/api: there was no answer in time$/);
    const gone = await execAgainst((socket) => socket.destroy(), AbortSignal.abort());
    assertFailure(gone, 'unreachable', /interrupted/);
  });

  it('is not run where the API server refuses it', async () => {
    const refuse = (socket: Socket): void =>
      void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    const error = await execAgainst(refuse, new AbortController().signal);
    assertFailure(error, 'forbidden', /not allowed \(403\)/);
  });
});
