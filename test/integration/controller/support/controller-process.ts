import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

const main = new URL('../../../../src/main.ts', import.meta.url).pathname;

interface LogLine {
  readonly message?: string;
  readonly leader?: string;
  readonly address?: string;
}

/** `certmount controller` as a process of its own, which can be killed. */
export class ControllerProcess {
  readonly log: LogLine[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(kubeconfig: string, flags: readonly string[] = []) {
    const args = ['controller', '--kubeconfig', kubeconfig, '--metrics-address', '127.0.0.1:0', ...flags];
    this.#process = spawn(process.execPath, [main, ...args, '--log-format', 'json'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#exited = new Promise((resolve) => this.#process.once('exit', () => resolve()));
    const { stderr } = this.#process;
    if (stderr) createInterface(stderr).on('line', (line) => this.#heard(line));
  }

  get leading(): boolean {
    return this.log.findLast(({ leader }) => leader !== undefined)?.message === 'leading';
  }

  /** Whether /readyz says so; false while nothing is served yet. */
  async ready(): Promise<boolean> {
    const address = this.log.find((line) => line.address !== undefined)?.address;
    return address !== undefined && (await fetch(`http://${address}/readyz`)).ok;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process.kill(signal);
    await this.#exited;
  }

  #heard(line: string): void {
    if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
  }
}
