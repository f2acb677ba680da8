import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe } from 'node:test';
import { stderrLog } from '../cluster/log.ts';
import { findPrograms } from '../cluster/node/packages.ts';
import { runProgram } from '../cluster/process/run-program.ts';
import { type Application, startApplication } from './support/application.ts';
import { followsRotations } from './support/follows-rotations.ts';
import { obtain } from './support/obtain.ts';
import { nextData, type Protocol } from './support/probe.ts';

const user = 'postgres';

const program = await obtain(() => findPrograms(['postgres'], stderrLog));

describe('PostgreSQL, reloaded by a loop in its container', () => {
  const folder = mkdtempSync(join(tmpdir(), 'certmount-postgresql-'));

  followsRotations({ program, start: ({ postgres }) => start(folder, dirname(postgres)) });

  // Last: hooks run in the order in which they are given.
  after(() => rmSync(folder, { recursive: true }));
});

async function start(folder: string, binaries: string): Promise<Application> {
  const [data, sockets] = [join(folder, 'data'), join(folder, 'sockets')];
  const group = Number(await runProgram('id', ['--group', user]));
  await mkdir(sockets);
  await runProgram('chown', ['--recursive', `${user}:${group}`, folder]);
  const initdb = [join(binaries, 'initdb'), '--no-sync', '--username', user, '--pgdata', data];
  await runProgram('setpriv', [`--reuid=${user}`, `--regid=${group}`, '--init-groups', '--', ...initdb]);
  return startApplication({
    example: 'postgresql',
    port: 5432,
    protocol,
    binaries,
    // The images' entrypoint does what was done above.
    places: { 'docker-entrypoint.sh ': '', '/var/run/postgresql': sockets },
    env: { PGDATA: data },
    user: { name: user, group },
  });
}

const version3 = 196_608;
const sslRequest = 80_877_103;

const protocol: Protocol = {
  async prepare(socket) {
    socket.write(message(uint32(sslRequest)));
    const answer = await nextData(socket);
    if (answer !== 'S') throw new Error(`no TLS: ${answer}`);
  },
  /** Up to AuthenticationOk: the server has taken the client's certificate for that of the database user. */
  async converse(socket) {
    socket.write(message(uint32(version3), Buffer.from(`user\0${user}\0database\0postgres\0\0`)));
    const answer = await nextData(socket);
    if (!answer.startsWith('R\0\0\0\b\0\0\0\0')) throw new Error(`not authenticated: ${answer}`);
    // Terminate; a connection that is dropped is an error in the log.
    socket.end('X\0\0\0\u0004', 'latin1');
  },
};

function message(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint32(body.length + 4), body]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}
