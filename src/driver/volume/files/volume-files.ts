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
  passwordsFile,
  pendingFile,
  unfinished,
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
 *
 * The generation before stays until the next one is written: a reader that the rename overtakes between two steps of a
 * path, or between two files of one generation, still finds what it looks for. A write begins with its removal, so that a
 * volume never holds more than two generations, whatever was killed when.
 *
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
    const present = this.#entries(volume);
    const current = this.#current(volume, present);
    // A crash between symlink and rename leaves the link, and symlink(2) refuses an existing name.
    if (present.has(nextLink)) fs.unlinkSync(join(volume, nextLink));
    for (const name of present.keys()) {
      if (name !== current && generationName.test(name)) this.#removeGeneration(join(volume, name));
    }
    this.#giveToGroup(volume, generation.group);
    const folder = fs.mkdtempSync(join(volume, generationPrefix(this.#deps.now())));
    try {
      for (const [name, content] of generation.files)
        this.#writeFile(join(folder, name), content, generation.group);
      this.#giveToGroup(folder, generation.group);
      fs.chmodSync(folder, directoryMode);
      this.#addNames(volume, generation, present);
      const name = folder.slice(volume.length + 1);
      fs.symlinkSync(name, join(volume, nextLink));
      fs.renameSync(join(volume, nextLink), join(volume, dataLink));
    } catch (error) {
      this.#removeGeneration(folder);
      throw error;
    }
    this.#removeNames(volume, present, generation.files);
  }

  /** @returns undefined when the volume has no generation or not this file */
  read(volume: string, name: string): string | undefined {
    return this.#readIfThere(join(volume, dataLink, name));
  }

  /** The same for a file that is no text. */
  readBytes(volume: string, name: string): Uint8Array | undefined {
    const path = join(volume, dataLink, name);
    return this.#isThere(path) ? this.#deps.fs.readFileSync(path) : undefined;
  }

  /** When the present generation was written, milliseconds since the epoch; undefined when there is none. */
  writtenAt(volume: string): number | undefined {
    const link = join(volume, dataLink);
    return this.#isThere(link) ? generationTime(this.#deps.fs.readlinkSync(link)) : undefined;
  }

  savePending(volume: string, pem: string): void {
    this.#save(join(volume, pendingFile), pem);
  }

  readPending(volume: string): string | undefined {
    return this.#readIfThere(join(volume, pendingFile));
  }

  removePending(volume: string): void {
    const path = join(volume, pendingFile);
    if (this.#isThere(path)) this.#deps.fs.unlinkSync(path);
  }

  savePasswords(volume: string, json: string): void {
    this.#save(join(volume, passwordsFile), json);
  }

  readPasswords(volume: string): string | undefined {
    return this.#readIfThere(join(volume, passwordsFile));
  }

  /**
   * Removes what a killed writer has left: half of a generation, half of a file of root's, and names that lead nowhere.
   * A generation that is whole is not touched. It is the one before; or one that was about to be renamed to, which goes
   * with the next write as the one before does.
   */
  removeLeftovers(volume: string): void {
    const { fs } = this.#deps;
    const present = this.#entries(volume);
    const current = this.#current(volume, present);
    for (const name of [nextLink, pendingFile + unfinished, passwordsFile + unfinished]) {
      if (present.has(name)) fs.unlinkSync(join(volume, name));
    }
    for (const name of present.keys()) {
      if (name !== current && generationName.test(name) && !this.#isWhole(join(volume, name)))
        this.#removeGeneration(join(volume, name));
    }
    if (current !== undefined) this.#removeNames(volume, present, this.#entries(join(volume, current)));
  }

  /** What a pod may read in the volume and a write of files of these names would take away or not replace. */
  notReplaced(volume: string, names: ReadonlySet<string>): string[] {
    const kept = [...this.#entries(volume)].filter(
      ([name, entry]) =>
        !name.startsWith('..') &&
        !entry.isSocket() &&
        !(names.has(name) && entry.isSymbolicLink() && this.#leadsToData(join(volume, name), name)),
    );
    return kept.map(([name]) => name);
  }

  /** Removes everything, for a folder that stays when the volume is off the node. */
  empty(volume: string): void {
    const { fs } = this.#deps;
    for (const [name, entry] of this.#entries(volume)) {
      if (entry.isDirectory()) this.#removeGeneration(join(volume, name));
      else fs.unlinkSync(join(volume, name));
    }
  }

  #writeFile(path: string, content: string | Uint8Array, group: number | undefined): void {
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

  /** Replaces a file that is root's alone: what was there stays until the new one is whole. */
  #save(path: string, content: string): void {
    const { fs } = this.#deps;
    const next = path + unfinished;
    if (this.#isThere(next)) fs.unlinkSync(next);
    const file = fs.openSync(next, 'wx', 0o400);
    try {
      fs.writeFileSync(file, content);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(next, path);
  }

  /** The names that the pod opens. New ones lead nowhere until the rename. */
  #addNames(volume: string, generation: GenerationFiles, present: Entries): void {
    for (const name of generation.files.keys()) {
      if (!name.startsWith('..') && !present.has(name))
        this.#deps.fs.symlinkSync(join(dataLink, name), join(volume, name));
    }
  }

  /** Names of an earlier generation. What else lies there, such as a socket, is not of this class. */
  #removeNames(volume: string, present: Entries, kept: { has(name: string): boolean }): void {
    const { fs } = this.#deps;
    for (const [name, entry] of present) {
      if (name.startsWith('..') || kept.has(name) || !entry.isSymbolicLink()) continue;
      const path = join(volume, name);
      if (this.#leadsToData(path, name)) fs.unlinkSync(path);
    }
  }

  #leadsToData(link: string, name: string): boolean {
    return this.#deps.fs.readlinkSync(link) === join(dataLink, name);
  }

  #removeGeneration(folder: string): void {
    const { fs } = this.#deps;
    // So that half of it is not taken for whole.
    fs.chmodSync(folder, 0o700);
    fs.rmSync(folder, { recursive: true, force: true });
  }

  /** Its mode is the last that is done to a generation before it is linked to, and the first when it is removed. */
  #isWhole(folder: string): boolean {
    return (this.#deps.fs.lstatSync(folder).mode & 0o7777) === directoryMode;
  }

  #entries(folder: string): Entries {
    const entries = this.#deps.fs.readdirSync(folder, { withFileTypes: true });
    return new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** Name of the generation that `..data` leads to. */
  #current(volume: string, present: Entries): string | undefined {
    return present.has(dataLink) ? this.#deps.fs.readlinkSync(join(volume, dataLink)) : undefined;
  }

  #giveToGroup(path: string, group: number | undefined): void {
    if (group !== undefined) this.#deps.fs.chownSync(path, 0, group);
  }

  #readIfThere(path: string): string | undefined {
    return this.#isThere(path) ? this.#deps.fs.readFileSync(path, 'utf8') : undefined;
  }

  /** Looks first: a file that is missing, as it often is, costs a thrown error otherwise. */
  #isThere(path: string): boolean {
    return this.#deps.fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  }
}

type Entries = ReadonlyMap<string, nodeFs.Dirent>;
