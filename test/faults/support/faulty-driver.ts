import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { keepText } from '../../support/kept-logs.ts';
import type { Command, DriverProcessOptions, Moment, Reached } from './driver-protocol.ts';

/** The driver's process, seen from the test. */
export class FaultyDriver {
  /** Lines of the log, as they are. */
  readonly log: string[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #serving = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #commands = 0;

  /** @param compiled folder for what each start would have to compile anew */
  constructor(options: DriverProcessOptions, compiled: string) {
    this.#process = fork(join(import.meta.dirname, 'driver-under-fault.ts'), [JSON.stringify(options)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_COMPILE_CACHE: compiled },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    const { stderr } = this.#process;
    if (stderr === null) throw new Error('no standard error of the driver');
    createInterface(stderr).on('line', (line) => {
      this.log.push(line);
      keepText(`driver-${this.pid}`, `${line}\n`);
    });
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()));
    this.#process.on('message', (message: { id?: number; answer?: unknown }) => {
      if (message.id === undefined) this.#serving.resolve();
      else this.#waiting.get(message.id)?.(message.answer);
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Resolves when the process has ended, whatever ended it. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** @returns false when it ended before it served */
  async serving(): Promise<boolean> {
    return Promise.race([this.#serving.promise.then(() => true), this.#ended.then(() => false)]);
  }

  async killAt(moment: Moment): Promise<void> {
    await this.#tell({ type: 'kill-at', moment });
  }

  /** @param wakeMs sleeps of at most so long end now */
  async setClock(offsetMs: number, wakeMs: number): Promise<void> {
    await this.#tell({ type: 'clock', offsetMs, wakeMs });
  }

  async forgetReached(): Promise<void> {
    await this.#tell({ type: 'forget' });
  }

  async reached(): Promise<readonly Reached[]> {
    return (await this.#tell({ type: 'report' })) as Reached[];
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process.kill(signal);
    await this.#ended;
  }

  #tell(command: Command): Promise<unknown> {
    this.#commands += 1;
    const id = this.#commands;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.#ended.then(() => reject(new Error(`the driver has ended: ${this.log.at(-1)}`)), reject);
      this.#process.send({ id, command }, (error) => error && reject(error));
    });
  }
}
