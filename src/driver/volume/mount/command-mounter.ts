import { execFile } from 'node:child_process';
import { MountError, type Mounter, type TmpfsOptions, tmpfsData } from './mounter.ts';

export type RunCommand = (
  file: string,
  args: readonly string[],
) => Promise<{ exitCode: number; stderr: string }>;

/** Mounts by mount(8) and umount(8), for a Node without the foreign-function interface. */
export class CommandMounter implements Mounter {
  readonly #run: RunCommand;
  #noswap = true;

  constructor(_options: Record<never, never>, dependencies: { readonly run: RunCommand }) {
    this.#run = dependencies.run;
  }

  async mountTmpfs(target: string, options: TmpfsOptions): Promise<void> {
    const mount = (noswap: boolean) =>
      this.#run('mount', [
        '-t',
        'tmpfs',
        '-o',
        `nosuid,nodev,noexec,${tmpfsData(options, noswap)}`,
        options.source,
        target,
      ]);
    let result = await mount(this.#noswap);
    if (result.exitCode !== 0 && this.#noswap) {
      const without = await mount(false);
      if (without.exitCode === 0) this.#noswap = false;
      result = without;
    }
    if (result.exitCode !== 0)
      throw new MountError(`cannot mount a tmpfs on ${target}: ${result.stderr.trim()}`);
  }

  async makeWritable(target: string): Promise<void> {
    const options = 'remount,bind,rw,nosuid,nodev,noexec';
    const result = await this.#run('mount', ['-n', '-o', options, target]);
    if (result.exitCode !== 0)
      throw new MountError(`cannot write to the mount on ${target}: ${result.stderr.trim()}`);
  }

  async unmount(target: string): Promise<void> {
    let result = await this.#run('umount', ['-n', target]);
    if (result.exitCode !== 0) result = await this.#run('umount', ['-n', '-l', target]);
    if (result.exitCode !== 0) throw new MountError(`cannot unmount ${target}: ${result.stderr.trim()}`);
  }
}

/** A hung mount(8) is ended after half a minute. */
export const runCommand: RunCommand = (file, args) =>
  new Promise((resolve) => {
    execFile(
      file,
      args,
      { timeout: 30_000, env: { LANG: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
      (error, _stdout, stderr) => {
        if (error === null) return resolve({ exitCode: 0, stderr });
        resolve({
          exitCode: typeof error.code === 'number' ? error.code : -1,
          stderr: stderr === '' ? error.message : stderr,
        });
      },
    );
  });
