import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { root } from '../../tools/run-command.ts';
import { eventually } from './eventually.ts';
import { keepText, keptLogs } from './kept-logs.ts';

export interface LogLine {
  readonly level?: string;
  readonly message?: string;
  readonly [key: string]: unknown;
}

export interface ProgramOptions {
  /** `driver` or `controller`. */
  readonly program: string;
  readonly flags: readonly string[];
  /** A command to run it under, such as `unshare …`. */
  readonly wrapper?: readonly string[];
  /** Sees each line of the log. */
  readonly onLine?: (line: LogLine) => void;
}

/** `certmount driver` or `certmount controller` as a process of its own, which can be killed. */
export class ProgramProcess {
  readonly log: LogLine[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<number | null>;

  constructor(options: ProgramOptions) {
    const [command, ...args] = [
      ...(options.wrapper ?? []),
      ...[
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        join(root, 'src/main.ts'),
        options.program,
      ],
      ...['--metrics-address', '127.0.0.1:0', '--log-format', 'json'],
      ...(options.flags.includes('--log-level') ? [] : ['--log-level', 'debug']),
      ...options.flags,
    ];
    this.#process = spawn(command as string, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#exited = new Promise((resolve) => this.#process.once('exit', (code) => resolve(code)));
    const { stderr } = this.#process;
    if (stderr === null) throw new Error('no standard error of the program');
    createInterface(stderr).on('line', (text) => {
      keepText(`${options.program}-${this.pid}`, `${text}\n`);
      const line = parseLine(text);
      this.log.push(line);
      options.onLine?.(line);
    });
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('the program has not started');
    return pid;
  }

  get hasExited(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Of its own HTTP server, `http://127.0.0.1:PORT`. */
  async address(): Promise<string> {
    return eventually('the program to serve', () => {
      if (this.hasExited) throw new Error(`it has ended: ${JSON.stringify(this.log.at(-1))}`);
      const address = this.log.find((line) => line['address'] !== undefined)?.['address'];
      if (address === undefined) return undefined;
      if (typeof address === 'string') return `http://${address}`;
      const { host, port } = address as { host: string; port: number };
      return `http://${host}:${port}`;
    });
  }

  async get(path: string): Promise<{ readonly ok: boolean; readonly text: string }> {
    const response = await fetch(`${await this.address()}${path}`);
    return { ok: response.ok, text: await response.text() };
  }

  /** Resolves when it logs this message. */
  async saying(message: string): Promise<LogLine> {
    return eventually(`the log to say ${JSON.stringify(message)}`, () => {
      if (this.hasExited) throw new Error(`it has ended: ${JSON.stringify(this.log.at(-1))}`);
      return this.log.find((line) => line.message === message);
    });
  }

  /** @returns its exit code, null when the signal ended it */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (signal === 'SIGTERM' && keptLogs() !== undefined && !this.hasExited) await this.#keepMetrics();
    this.#process.kill(signal);
    return this.#exited;
  }

  async #keepMetrics(): Promise<void> {
    const metrics = await this.get('/metrics').catch((error: unknown) => ({ text: String(error) }));
    keepText(`metrics-${this.pid}`, metrics.text);
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { message: text };
  }
}
