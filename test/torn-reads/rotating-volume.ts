import type { KeyObject } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderGeneration, type IssuedMaterial } from '../../src/driver/volume/files/render-generation.ts';
import { VolumeFiles } from '../../src/driver/volume/files/volume-files.ts';
import { CommandMounter, runCommand } from '../../src/driver/volume/mount/command-mounter.ts';
import { openLibc } from '../../src/driver/volume/mount/libc.ts';
import { SyscallMounter } from '../../src/driver/volume/mount/syscall-mounter.ts';
import { VolumeMounts } from '../../src/driver/volume/mount/volume-mounts.ts';
import { encodePrivateKey, parseChain } from '../../src/pki/index.ts';
import { Authority, newKey } from '../unit/driver/support/authority.ts';
import { specOf } from '../unit/driver/support/builders.ts';

interface Pair {
  readonly key: KeyObject;
  readonly issued: IssuedMaterial;
}

/** Far more than rotations that one read could span. */
const pairCount = 16;

/** A tmpfs as the driver mounts it, filled by the driver's own writer with pairs that were made beforehand. */
export class RotatingVolume implements AsyncDisposable {
  readonly path: string;
  /** N.key, N.chain and N.ca of every pair, by which readers tell what they have read. */
  readonly pairsPath: string;
  readonly #directory: string;
  readonly #mounts: VolumeMounts;
  readonly #pairs: readonly Pair[];
  readonly #files = new VolumeFiles({}, { fs, now: () => new Date() });
  #rotations = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(directory: string, mounts: VolumeMounts, pairs: readonly Pair[]) {
    this.#directory = directory;
    this.#mounts = mounts;
    this.#pairs = pairs;
    this.path = join(directory, 'volume');
    this.pairsPath = join(directory, 'pairs');
  }

  static async create(): Promise<RotatingVolume> {
    const directory = fs.mkdtempSync(join(tmpdir(), 'certmount-torn-reads-'));
    const syscalls = await openLibc();
    const mounter =
      syscalls === undefined
        ? new CommandMounter({}, { run: runCommand })
        : new SyscallMounter({}, { syscalls });
    const mounts = new VolumeMounts(
      { source: 'csi.certmount.io', sizeBytes: 1 << 20, takesOver: false },
      { mounter, fs },
    );
    const pairs = await Promise.all(Array.from({ length: pairCount }, newPair));
    const volume = new RotatingVolume(directory, mounts, pairs);
    try {
      await mounts.ensure(volume.path);
      await mounts.ensure(volume.pairsPath);
      volume.#describePairs();
      volume.rotate();
    } catch (error) {
      await volume[Symbol.asyncDispose]();
      throw error;
    }
    return volume;
  }

  get rotations(): number {
    return this.#rotations;
  }

  /** Writes the next pair. */
  rotate(): void {
    const { issued, key } = this.#pairs[this.#rotations % pairCount] as Pair;
    this.#rotations += 1;
    const context = { generation: this.#rotations, renewAt: Date.now(), password: undefined };
    this.#files.write(this.path, renderGeneration(specOf({}, this.path), key, issued, context));
  }

  startRotating(everyMs: number): void {
    this.#timer = setInterval(() => this.rotate(), everyMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const path of [this.path, this.pairsPath]) await this.#mounts.remove(path);
    fs.rmdirSync(this.#directory);
  }

  #describePairs(): void {
    for (const [number, { issued, key }] of this.#pairs.entries()) {
      const parts = {
        key: encodePrivateKey(key, 'PKCS8'),
        chain: pemOf(issued.chain),
        ca: pemOf(issued.anchors),
      };
      for (const [part, content] of Object.entries(parts))
        fs.writeFileSync(join(this.pairsPath, `${number}.${part}`), content, { mode: 0o400 });
    }
  }
}

/** Of a CA of its own, so that the anchors tell pairs apart too. */
async function newPair(): Promise<Pair> {
  const now = Date.now();
  const [authority, key] = await Promise.all([Authority.create(now), newKey()]);
  const [leaf] = parseChain(await authority.issue(specOf(), key, now));
  if (leaf === undefined) throw new Error('no certificate was issued');
  return { key, issued: { chain: [leaf], anchors: [authority.certificate] } };
}

function pemOf(certificates: readonly { readonly pem: string }[]): string {
  return certificates.map(({ pem }) => pem).join('');
}
