import type * as nodeFs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VolumeError, toVolumeError } from '../volume-error.ts';
import { parseMountTable } from './mount-table.ts';
import type { Mounter } from './mounter.ts';

export interface VolumeMountsOptions {
  /** Marks the driver's mounts in the mount table; the driver's name. */
  readonly source: string;
  readonly sizeBytes: number;
}

export interface VolumeMountsDependencies {
  readonly mounter: Mounter;
  readonly fs: Pick<typeof nodeFs, 'lstatSync' | 'mkdirSync' | 'readFileSync' | 'realpathSync' | 'rmdirSync'>;
}

const rootMode = 0o550;

/** The tmpfs of each volume, mounted on the target path itself, so that it outlives the driver's process. */
export class VolumeMounts {
  readonly #options: VolumeMountsOptions;
  readonly #deps: VolumeMountsDependencies;

  constructor(options: VolumeMountsOptions, dependencies: VolumeMountsDependencies) {
    this.#options = options;
    this.#deps = dependencies;
  }

  /** Makes the target path and mounts on it; a mount of ours that is there already is kept. */
  async ensure(target: string): Promise<void> {
    if (this.isMounted(target)) {
      if (!this.list().has(this.resolve(target))) {
        throw new VolumeError('mount-failed', `${target} is a mount that this driver did not make`);
      }
      return;
    }
    try {
      this.#deps.fs.mkdirSync(target, { mode: 0o750 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw toVolumeError(error, 'mount-failed', `cannot make the target path ${target}`);
      }
      // mount(2) would follow a link to wherever it leads.
      if (this.#deps.fs.lstatSync(target, { throwIfNoEntry: false })?.isDirectory() !== true) {
        throw new VolumeError('mount-failed', `the target path ${target} is there and is not a directory`);
      }
    }
    try {
      const { source, sizeBytes } = this.#options;
      await this.#deps.mounter.mountTmpfs(target, { source, sizeBytes, mode: rootMode });
    } catch (error) {
      throw toVolumeError(error, 'mount-failed', 'cannot mount the volume');
    }
  }

  /** Unmounts, however often the target was mounted on, and removes the target path. What is not there is fine. */
  async remove(target: string): Promise<void> {
    try {
      while (this.isMounted(target)) await this.#deps.mounter.unmount(target);
      this.#deps.fs.rmdirSync(target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw toVolumeError(error, 'mount-failed', `cannot remove the volume at ${target}`);
    }
  }

  /** A tmpfs has a device number of its own, so that two stats tell without a read of the whole mount table. */
  isMounted(target: string): boolean {
    const { lstatSync } = this.#deps.fs;
    const inside = lstatSync(target, { throwIfNoEntry: false });
    const outside = lstatSync(dirname(target), { throwIfNoEntry: false });
    return inside !== undefined && outside !== undefined && inside.dev !== outside.dev;
  }

  /** The path as the mount table has it: the kubelet's directory may be a link. */
  resolve(target: string): string {
    try {
      return join(this.#deps.fs.realpathSync(dirname(target)), basename(target));
    } catch {
      return target;
    }
  }

  /** Mount points of this driver's volumes, as {@link resolve} gives them. */
  list(): Set<string> {
    const table = parseMountTable(this.#deps.fs.readFileSync('/proc/self/mountinfo', 'utf8'));
    const ours = table.filter((mount) => mount.type === 'tmpfs' && mount.source === this.#options.source);
    return new Set(ours.map((mount) => mount.mountPoint));
  }
}
