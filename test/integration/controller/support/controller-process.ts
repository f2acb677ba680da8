import { type LogLine, ProgramProcess } from '../../../support/program-process.ts';

/** `certmount controller` as a process of its own, which can be killed. */
export class ControllerProcess {
  readonly #program: ProgramProcess;

  constructor(kubeconfig: string, flags: readonly string[] = []) {
    this.#program = new ProgramProcess({
      program: 'controller',
      flags: ['--kubeconfig', kubeconfig, ...flags],
    });
  }

  get log(): readonly LogLine[] {
    return this.#program.log;
  }

  get leading(): boolean {
    return this.log.findLast((line) => line['leader'] !== undefined)?.message === 'leading';
  }

  /** Whether /readyz says so. */
  async ready(): Promise<boolean> {
    return (await this.#program.get('/readyz')).ok;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#program.end(signal);
  }
}
