import type * as nodeFs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VolumeError, toVolumeError } from '../volume-error.ts';
import { type Mount, parseMountTable } from './mount-table.ts';
import type { Mounter } from './mounter.ts';

export interface VolumeMountsOptions {
  /** Marks the driver's mounts in the mount table; the driver's name. */
  readonly source: string;
  readonly sizeBytes: number;
  /** Whether the driver is in the place of another, whose volumes it goes on with. */
  readonly takesOver: boolean;
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

  /**
   * Makes the target path and mounts on it; a mount of ours that is there already is kept.
   *
   * @param seLinuxContext label of the mount, where the kubelet asks for one
   */
  async ensure(target: string, seLinuxContext?: string): Promise<void> {
    if (this.isMounted(target)) {
      if (this.isForeign(target)) {
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
      await this.#deps.mounter.mountTmpfs(target, { source, sizeBytes, mode: rootMode, seLinuxContext });
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
      const { code } = error as NodeJS.ErrnoException;
      // A link or a file that somebody put there is no volume, and was refused as one.
      if (code === 'ENOENT' || code === 'ENOTDIR') return;
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

  /** @throws {VolumeError} where nothing is mounted: what is written there would come to lie on the node's disk */
  assertMounted(target: string): void {
    if (!this.isMounted(target)) throw new VolumeError('mount-failed', `${target} is not mounted any more`);
  }

  /** Whether there is a mount that this driver did not make. */
  isForeign(target: string): boolean {
    return this.isMounted(target) && !this.#isOurs(this.#mountAt(target));
  }

  /** Whether there is a volume of the driver in whose place this one is. */
  isLeftByOther(target: string): boolean {
    if (!this.#options.takesOver || !this.isMounted(target)) return false;
    const mount = this.#mountAt(target);
    return mount?.type === 'tmpfs' && !this.#isOurs(mount);
  }

  /**
   * Makes a mount that this driver did not make writable: what is written through it is seen in the containers, whose
   * mounts are of the same folder and stay read-only. It lasts as long as the driver's mount namespace, its container.
   */
  async takeOver(target: string): Promise<void> {
    try {
      await this.#deps.mounter.makeWritable(target);
    } catch (error) {
      throw toVolumeError(error, 'mount-failed', 'cannot take over the volume');
    }
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
    const ours = this.#table().filter((mount) => this.#isOurs(mount));
    return new Set(ours.map((mount) => mount.mountPoint));
  }

  #table(): Mount[] {
    return parseMountTable(this.#deps.fs.readFileSync('/proc/self/mountinfo', 'utf8'));
  }

  /** The topmost one: later mounts stand further down in the table. */
  #mountAt(target: string): Mount | undefined {
    const path = this.resolve(target);
    return this.#table().findLast(({ mountPoint }) => mountPoint === path);
  }

  #isOurs(mount: Mount | undefined): boolean {
    return mount?.type === 'tmpfs' && mount.source === this.#options.source;
  }
}
