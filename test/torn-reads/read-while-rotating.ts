import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { stderrLog } from '../cluster/log.ts';
import { findPrograms } from '../cluster/node/packages.ts';
import { runProgram } from '../cluster/process/run-program.ts';
import type { ReaderReport } from './readers/seen.ts';
import { RotatingVolume } from './rotating-volume.ts';

export interface ReadWhileRotatingOptions {
  readonly seconds: number;
  readonly everyMs: number;
}

export interface TornReadsReport {
  readonly seconds: number;
  readonly rotations: number;
  readonly readers: Readonly<Record<'node' | 'go' | 'python', ReaderReport>>;
}

const folder = join(import.meta.dirname, 'readers');

/** One volume, rotated again and again, under readers in three languages. */
export async function readWhileRotating(options: ReadWhileRotatingOptions): Promise<TornReadsReport> {
  const build = await mkdtemp(join(tmpdir(), 'certmount-torn-reads-build-'));
  try {
    const commands = {
      node: [process.execPath, join(folder, 'reader.ts')],
      go: [await buildGoReader(build)],
      python: [(await findPrograms(['python3'], stderrLog)).python3, join(folder, 'reader.py')],
    };
    await using volume = await RotatingVolume.create();
    const paths = [volume.path, volume.pairsPath];
    volume.startRotating(options.everyMs);
    const running = Object.entries(commands).map(([name, [command = '', ...args]]) => ({
      name,
      // It ends with its standard input, and so with this process.
      reader: spawn(command, [...args, ...paths], { stdio: ['pipe', 'pipe', 'inherit'] }),
    }));
    await pause(options.seconds * 1000);
    const reports = await Promise.all(
      running.map(async ({ name, reader }) => [name, await endReader(reader)]),
    );
    return {
      seconds: options.seconds,
      rotations: volume.rotations,
      readers: Object.fromEntries(reports) as TornReadsReport['readers'],
    };
  } finally {
    await rm(build, { recursive: true });
  }
}

async function buildGoReader(output: string): Promise<string> {
  const program = join(output, 'reader');
  await runProgram('go', ['build', '-C', join(folder, 'go'), '-o', program, '.'], {
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' },
  });
  return program;
}

async function endReader(reader: ChildProcess): Promise<ReaderReport> {
  if (reader.stdin === null || reader.stdout === null) throw new Error('a reader without standard streams');
  reader.stdin.end();
  const output = await text(reader.stdout);
  try {
    return JSON.parse(output) as ReaderReport;
  } catch (cause) {
    throw new Error(`a reader ended early, having printed ${JSON.stringify(output)}`, { cause });
  }
}
