import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { identify, isRunning, signalProcess, type ProcessIdentity } from './process-table.ts';

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Nothing else is inherited but PATH and what tunes Go: a proxy variable would send loopback traffic astray. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** The kernel kills it when the thread that started it ends, in whatever way. */
  readonly dieWithParent: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process in the background with its log in a file. It does not keep the event loop alive. */
export class ManagedProcess {
  readonly name: string;
  readonly logFile: string;
  readonly identity: ProcessIdentity;
  readonly #child: ChildProcess;
  readonly #exited: Promise<Exit>;

  private constructor(options: ProcessOptions, child: ChildProcess, exited: Promise<Exit>) {
    this.name = options.name;
    this.logFile = options.logFile;
    const pid = child.pid ?? 0;
    // Gone within a millisecond of its start: no identity, and never running.
    this.identity = identify(pid) ?? { pid, startTime: '' };
    this.#child = child;
    this.#exited = exited;
  }

  static async start(options: ProcessOptions): Promise<ManagedProcess> {
    const log = openSync(options.logFile, 'a', 0o600);
    const [command, args] = options.dieWithParent
      ? ['setpriv', ['--pdeathsig', 'KILL', '--', options.command, ...options.args]]
      : [options.command, [...options.args]];
    // A session of its own, so that Ctrl-C on the terminal reaches only the harness, which ends things in order.
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: options.cwd ?? '/',
      env: { ...inherited(), ...options.env },
    });
    closeSync(log);
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        reject(new Error(`cannot start ${options.name} (${command}): ${cause.message}`, { cause }));
      });
    });
    child.unref();
    return new ManagedProcess(options, child, exited);
  }

  get pid(): number {
    return this.identity.pid;
  }

  get running(): boolean {
    return isRunning(this.identity);
  }

  /** Resolves when it has ended, and keeps the event loop alive until then. */
  async exited(): Promise<Exit> {
    this.#child.ref();
    return await this.#exited;
  }

  /** Sends the signal and resolves when the process has ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    signalProcess(this.identity, signal);
    await this.exited();
  }

  /** The end of the log, for an error message. */
  logTail(lines = 15): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}

export interface WaitOptions {
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  /** Must stay running meanwhile; its log is part of the error. */
  readonly process?: ManagedProcess;
}

export async function waitUntil(
  done: () => boolean | Promise<boolean>,
  { what, timeoutMs, intervalMs = 25, process }: WaitOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await done())) {
    if (process && !process.running) {
      throw new Error(
        `${process.name} ended while waiting for ${what}; the end of ${process.logFile}:\n${process.logTail()}`,
      );
    }
    if (Date.now() > deadline) {
      const log = process ? `; the end of ${process.logFile}:\n${process.logTail()}` : '';
      throw new Error(`${what}: not within ${timeoutMs / 1000} s${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

function inherited(): Readonly<Record<string, string>> {
  const { PATH = '/usr/bin:/bin', GOGC, GOMEMLIMIT } = process.env;
  return {
    PATH: `${PATH}:/usr/sbin:/sbin`,
    ...(GOGC !== undefined && { GOGC }),
    ...(GOMEMLIMIT !== undefined && { GOMEMLIMIT }),
  };
}
