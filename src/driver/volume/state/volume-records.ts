import type * as nodeFs from 'node:fs';
import { join } from 'node:path';
import { parseVolumeRecord, type VolumeRecord } from './volume-record.ts';

export interface VolumeRecordsOptions {
  /** Folder of the records; made where it is missing. */
  readonly directory: string;
}

export interface VolumeRecordsDependencies {
  readonly fs: Pick<
    typeof nodeFs,
    'lstatSync' | 'mkdirSync' | 'readFileSync' | 'readdirSync' | 'renameSync' | 'rmSync'
  >;
  /** For what is written while something else is waited for: the disk takes a millisecond. */
  readonly fsPromises: Pick<typeof nodeFs.promises, 'writeFile' | 'rename'>;
}

export type StoredRecord =
  | { readonly kind: 'record'; readonly record: VolumeRecord }
  | { readonly kind: 'corrupt'; readonly file: string; readonly error: Error };

/** CSI §size limits: 128 bytes; and the id is a file name here. */
export const validVolumeId = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** The kubelet's calls have at most 4 MiB (gRPC), attributes far less. */
const largestRecord = 4 << 20;

const suffix = '.json';
const asideSuffix = '.corrupt';

/** One small file a volume, replaced by rename, so that a crash leaves the old record or the new one. */
export class VolumeRecords {
  readonly #directory: string;
  readonly #fs: VolumeRecordsDependencies['fs'];
  readonly #fsPromises: VolumeRecordsDependencies['fsPromises'];

  constructor(options: VolumeRecordsOptions, dependencies: VolumeRecordsDependencies) {
    this.#directory = options.directory;
    this.#fs = dependencies.fs;
    this.#fsPromises = dependencies.fsPromises;
    this.#fs.mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  async save(record: VolumeRecord): Promise<void> {
    const path = this.#path(record.volumeId);
    try {
      await this.#fsPromises.writeFile(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
      await this.#fsPromises.rename(`${path}.tmp`, path);
    } catch (error) {
      this.#fs.rmSync(`${path}.tmp`, { force: true });
      throw error;
    }
  }

  has(volumeId: string): boolean {
    return this.#fs.lstatSync(this.#path(volumeId), { throwIfNoEntry: false }) !== undefined;
  }

  /** @throws where there is none, or none that can be read */
  read(volumeId: string): VolumeRecord {
    return parseVolumeRecord(this.#fs.readFileSync(this.#path(volumeId), 'utf8'));
  }

  /** Changes some fields of a record that is there. */
  async update(volumeId: string, change: Partial<VolumeRecord>): Promise<void> {
    await this.save({ ...this.read(volumeId), ...change });
  }

  remove(volumeId: string): void {
    this.#fs.rmSync(this.#path(volumeId), { force: true });
    this.#fs.rmSync(`${this.#path(volumeId)}${asideSuffix}`, { force: true, recursive: true });
  }

  /** Every record; what cannot be read is told apart and harms no other. Half-written ones are removed. */
  load(): StoredRecord[] {
    const stored: StoredRecord[] = [];
    for (const name of this.#fs.readdirSync(this.#directory).sort()) {
      const file = join(this.#directory, name);
      if (name.endsWith('.tmp')) this.#fs.rmSync(file, { force: true, recursive: true });
      if (name.endsWith(suffix)) stored.push(this.#loadOne(file, name.slice(0, -suffix.length)));
    }
    return stored;
  }

  /** Takes a corrupt record out of the way, kept beside for whoever looks into it until the volume goes. */
  setAside(file: string): void {
    this.#fs.renameSync(file, `${file}${asideSuffix}`);
  }

  #loadOne(file: string, volumeId: string): StoredRecord {
    try {
      const found = this.#fs.lstatSync(file);
      // Reading something else, such as a pipe, could take for ever.
      if (!found.isFile() || found.size > largestRecord) throw new TypeError('not a file of a record');
      const record = parseVolumeRecord(this.#fs.readFileSync(file, 'utf8'));
      if (record.volumeId !== volumeId) throw new TypeError(`names the volume ${record.volumeId}`);
      return { kind: 'record', record };
    } catch (error) {
      return { kind: 'corrupt', file, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #path(volumeId: string): string {
    if (!validVolumeId.test(volumeId)) throw new RangeError(`not a volume id: ${JSON.stringify(volumeId)}`);
    return join(this.#directory, `${volumeId}${suffix}`);
  }
}
