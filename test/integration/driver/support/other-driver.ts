import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Mounts volumes as cert-manager's drivers do: one tmpfs for all, and a folder of it, laid out by the kubelet's atomic
 * writer, bound to each target path, read-only.
 */
export class OtherDriver implements Disposable {
  readonly #tmpfs: string;
  readonly #targets: string[] = [];

  constructor(directory: string) {
    this.#tmpfs = join(directory, 'inmemfs');
    mkdirSync(this.#tmpfs);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', this.#tmpfs]);
  }

  publish(volumeId: string, targetPath: string, files: ReadonlyMap<string, string | Uint8Array>): void {
    const generation = '..2026_08_22_10_11_12.123456789';
    const folder = this.#folderOf(volumeId);
    mkdirSync(join(folder, generation), { recursive: true, mode: 0o755 });
    for (const [name, content] of files) {
      writeFileSync(join(folder, generation, name), content, { mode: 0o440 });
      symlinkSync(join('..data', name), join(folder, name));
    }
    symlinkSync(generation, join(folder, '..data'));
    chmodSync(folder, 0o550);
    mkdirSync(targetPath, { recursive: true });
    execFileSync('mount', ['--bind', folder, targetPath]);
    execFileSync('mount', ['-o', 'remount,bind,ro', targetPath]);
    this.#targets.push(targetPath);
  }

  /** What it still has of the volume in its tmpfs. */
  remainsOf(volumeId: string): string[] {
    return readdirSync(this.#folderOf(volumeId));
  }

  [Symbol.dispose](): void {
    for (const target of this.#targets) if (existsSync(target)) umount(target);
    umount(this.#tmpfs);
  }

  #folderOf(volumeId: string): string {
    return join(this.#tmpfs, volumeId, 'data');
  }
}

function umount(path: string): void {
  try {
    execFileSync('umount', ['--lazy', path], { stdio: 'ignore' });
  } catch {
    // It was no mount any more.
  }
}
