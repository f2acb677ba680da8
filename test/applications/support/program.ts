import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { type Endpoint, probe } from './probe.ts';
import type { Credentials } from './rotating-volume.ts';

export interface ProgramOptions {
  readonly command: readonly string[];
  /** Folders to find it in. */
  readonly path: readonly string[];
  /** Besides PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its name; for a test that runs as root. */
  readonly user?: string;
}

const endLimitMs = 10_000;

/** A server of somebody else's, started as its container starts it. It ends with this process, whatever ends that. */
export class Program {
  readonly #child: ChildProcess;
  #log = '';

  constructor({ command, env, path, user }: ProgramOptions) {
    const identity = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--init-groups'];
    // TERM, on which a server ends its workers too.
    const args = ['--pdeathsig', 'TERM', ...identity, '--', ...command];
    this.#child = spawn('setpriv', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      env: { PATH: path.join(delimiter), ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-4_000);
      });
    }
    this.#child.on('error', (error) => {
      this.#log += String(error);
    });
  }

  /** The last that it said. */
  get log(): string {
    return this.#log;
  }

  /** Resolves when it serves this client. */
  async serving(endpoint: Endpoint, credentials: Credentials): Promise<void> {
    try {
      const outcome = await eventually(
        'the program to serve',
        async () => (this.#hasEnded ? 'ended' : probe(endpoint, credentials)),
        20_000,
      );
      if (outcome === 'ended') throw new Error('it has ended');
    } catch (cause) {
      throw new Error(`the program does not serve; its log ends with:\n${this.#log}`, { cause });
    }
  }

  /** Ends it in order; with force when that takes too long. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), endLimitMs);
    await exited;
    clearTimeout(force);
    // A watcher of its own may hold the pipes for a moment longer.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  get #hasEnded(): boolean {
    const { exitCode, pid, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }
}
