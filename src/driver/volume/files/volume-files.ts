import type * as nodeFs from 'node:fs';
import { join } from 'node:path';
import {
  dataLink,
  directoryMode,
  fileMode,
  generationName,
  type GenerationFiles,
  generationPrefix,
  generationTime,
  nextLink,
  pendingFile,
} from './generation.ts';

export interface VolumeFilesDependencies {
  readonly fs: Pick<
    typeof nodeFs,
    | 'chmodSync'
    | 'chownSync'
    | 'closeSync'
    | 'fchmodSync'
    | 'fchownSync'
    | 'lstatSync'
    | 'mkdtempSync'
    | 'openSync'
    | 'readFileSync'
    | 'readdirSync'
    | 'readlinkSync'
    | 'renameSync'
    | 'rmSync'
    | 'symlinkSync'
    | 'unlinkSync'
    | 'writeFileSync'
  >;
  readonly now: () => Date;
}

/**
 * Writes and reads the files of volumes, laid out as the kubelet's atomic writer does it:
 * `tls.key -> ..data/tls.key`, `..data -> ..2026_11_22_06_53_01.a1b2c3`.
 * Calls are synchronous: on a tmpfs each is microseconds, less than a hop to the thread pool. One caller a volume.
 */
export class VolumeFiles {
  readonly #deps: VolumeFilesDependencies;

  constructor(_options: Record<never, never>, dependencies: VolumeFilesDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Replaces all files of the volume by one rename. A reader sees the old set or the new one.
   * The rename comes after everything that a whole set needs: killed before it nothing has changed, after it nothing lacks.
   */
  write(volume: string, generation: GenerationFiles): void {
    const { fs } = this.#deps;
    // A crash between symlink and rename leaves the link, and symlink(2) refuses an existing name.
    this.#removeIfThere(join(volume, nextLink));
    this.#giveToGroup(volume, generation.group);
    const folder = fs.mkdtempSync(join(volume, generationPrefix(this.#deps.now())));
    try {
      for (const [name, content] of generation.files)
        this.#writeFile(join(folder, name), content, generation.group);
      this.#giveToGroup(folder, generation.group);
      fs.chmodSync(folder, directoryMode);
      this.#addNames(volume, generation);
      const name = folder.slice(volume.length + 1);
      fs.symlinkSync(name, join(volume, nextLink));
      fs.renameSync(join(volume, nextLink), join(volume, dataLink));
    } catch (error) {
      fs.rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    this.#removeOldNames(volume, generation);
    this.removeLeftovers(volume);
  }

  /** @returns undefined when the volume has no generation or not this file */
  read(volume: string, name: string): string | undefined {
    return this.#readIfThere(join(volume, dataLink, name));
  }

  /** When the present generation was written, milliseconds since the epoch; undefined when there is none. */
  writtenAt(volume: string): number | undefined {
    try {
      return generationTime(this.#deps.fs.readlinkSync(join(volume, dataLink)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  savePending(volume: string, pem: string): void {
    const path = join(volume, pendingFile);
    this.#removeIfThere(path);
    const file = this.#deps.fs.openSync(path, 'wx', 0o400);
    try {
      this.#deps.fs.writeFileSync(file, pem);
    } finally {
      this.#deps.fs.closeSync(file);
    }
  }

  readPending(volume: string): string | undefined {
    return this.#readIfThere(join(volume, pendingFile));
  }

  removePending(volume: string): void {
    this.#removeIfThere(join(volume, pendingFile));
  }

  /** Removes generations that `..data` does not name: those of before, and those that a crash left half written. */
  removeLeftovers(volume: string): void {
    const { fs } = this.#deps;
    const current = fs.readlinkSync(join(volume, dataLink));
    for (const name of fs.readdirSync(volume)) {
      if (name !== current && generationName.test(name))
        fs.rmSync(join(volume, name), { recursive: true, force: true });
    }
  }

  #writeFile(path: string, content: string, group: number | undefined): void {
    const { fs } = this.#deps;
    // Nobody but root can open it until it has its group and its mode.
    const file = fs.openSync(path, 'wx', 0o400);
    try {
      // Not writeSync: on a tmpfs that is almost full it writes what fits and says so in its result only.
      fs.writeFileSync(file, content);
      if (group !== undefined) fs.fchownSync(file, 0, group);
      fs.fchmodSync(file, fileMode);
    } finally {
      fs.closeSync(file);
    }
  }

  /** The names that the pod opens. New ones lead nowhere until the rename. */
  #addNames(volume: string, generation: GenerationFiles): void {
    const { fs } = this.#deps;
    for (const name of generation.files.keys()) {
      if (fs.lstatSync(join(volume, name), { throwIfNoEntry: false }) === undefined) {
        fs.symlinkSync(join(dataLink, name), join(volume, name));
      }
    }
  }

  #removeOldNames(volume: string, generation: GenerationFiles): void {
    const { fs } = this.#deps;
    for (const name of fs.readdirSync(volume)) {
      if (!name.startsWith('..') && !generation.files.has(name)) fs.unlinkSync(join(volume, name));
    }
  }

  #giveToGroup(path: string, group: number | undefined): void {
    if (group !== undefined) this.#deps.fs.chownSync(path, 0, group);
  }

  /** Looks first: a file that is missing, as it nearly always is, costs a thrown error otherwise. */
  #removeIfThere(path: string): void {
    const { fs } = this.#deps;
    if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) fs.unlinkSync(path);
  }

  #readIfThere(path: string): string | undefined {
    try {
      return this.#deps.fs.readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}
