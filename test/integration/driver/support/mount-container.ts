import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../support/eventually.ts';

/** A process that has a volume as a container has it: in a mount namespace of its own, bound read-only when it started. */
export class MountContainer implements Disposable {
  /** Where the process sees the volume; readable from here too. */
  readonly path: string;
  readonly #volume: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, volume: string) {
    this.#process = process;
    this.#volume = volume;
    this.path = join('/proc', String(process.pid), 'root', volume);
  }

  /** @param directory where it may make a folder of its own */
  static async start(targetPath: string, directory: string): Promise<MountContainer> {
    const volume = mkdtempSync(join(directory, 'container-'));
    const script = 'mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" && echo up && exec sleep 600';
    const process = spawn(
      'unshare',
      ['--mount', '--propagation=private', 'sh', '-c', script, 'sh', targetPath, volume],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let isUp = false;
    process.stdout.once('data', () => (isUp = true));
    const container = new MountContainer(process, volume);
    await eventually('the container to start', () => isUp || undefined);
    return container;
  }

  /** Runs a command there, with the folder of the volume as `$1`. */
  run(script: string): string {
    const enter = [`--target=${this.#process.pid}`, '--mount', '--'];
    return execFileSync('nsenter', [...enter, 'sh', '-c', script, 'sh', this.#volume], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}
