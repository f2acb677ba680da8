import * as nodeFs from 'node:fs';
import { join } from 'node:path';
import type { Mounter, TmpfsOptions } from '../../../../src/driver/volume/mount/mounter.ts';
import { MountError } from '../../../../src/driver/volume/mount/mounter.ts';
import type { VolumeMountsDependencies } from '../../../../src/driver/volume/mount/volume-mounts.ts';

interface FakeMount {
  readonly mountPoint: string;
  readonly source: string;
  readonly dev: number;
}

/** Mounts without root: a mount point is a folder that counts as a device of its own and is emptied by the unmount. */
export class FakeKernel implements Mounter {
  readonly #mounts: FakeMount[] = [];
  #devices = 1;
  /** Thrown by the next calls instead of what they do. */
  mountFailure: Error | undefined;
  unmountFailure: Error | undefined;
  /** Runs before an unmount takes place. */
  beforeUnmount: (() => Promise<void>) | undefined;

  readonly fs: VolumeMountsDependencies['fs'] = {
    mkdirSync: nodeFs.mkdirSync,
    rmdirSync: nodeFs.rmdirSync,
    realpathSync: nodeFs.realpathSync,
    lstatSync: ((path: string) => {
      const stats = nodeFs.lstatSync(path, { throwIfNoEntry: false });
      return stats === undefined ? undefined : Object.assign(stats, { dev: this.#deviceOf(path) });
    }) as typeof nodeFs.lstatSync,
    readFileSync: ((path: string, encoding: BufferEncoding) =>
      path === '/proc/self/mountinfo'
        ? this.mountinfo()
        : nodeFs.readFileSync(path, encoding)) as typeof nodeFs.readFileSync,
  };

  get mountPoints(): string[] {
    return this.#mounts.map((mount) => mount.mountPoint);
  }

  async mountTmpfs(target: string, { source }: TmpfsOptions): Promise<void> {
    if (this.mountFailure !== undefined) throw this.mountFailure;
    const mountPoint = nodeFs.realpathSync(target);
    this.#mounts.push({ mountPoint, source, dev: ++this.#devices });
  }

  async unmount(target: string): Promise<void> {
    await this.beforeUnmount?.();
    if (this.unmountFailure !== undefined) throw this.unmountFailure;
    const mountPoint = nodeFs.realpathSync(target);
    const index = this.#mounts.findLastIndex((mount) => mount.mountPoint === mountPoint);
    if (index < 0) throw new MountError(`cannot unmount ${target}: EINVAL`, 'EINVAL');
    this.#mounts.splice(index, 1);
    if (this.mountPoints.includes(mountPoint)) return;
    for (const name of nodeFs.readdirSync(mountPoint))
      nodeFs.rmSync(join(mountPoint, name), { recursive: true, force: true });
  }

  /** As a reboot does it. */
  unmountAll(): void {
    for (const { mountPoint } of this.#mounts.splice(0)) {
      for (const name of nodeFs.readdirSync(mountPoint))
        nodeFs.rmSync(join(mountPoint, name), { recursive: true, force: true });
    }
  }

  mountinfo(): string {
    const lines = this.#mounts.map(
      ({ dev, mountPoint, source }) =>
        `${dev} 1 0:${dev} / ${mountPoint.replaceAll(' ', '\\040')} rw,nosuid,nodev,noexec,relatime shared:${dev} - tmpfs ${source} rw,size=1024k,mode=550`,
    );
    return `${lines.join('\n')}\n`;
  }

  #deviceOf(path: string): number {
    let real = path;
    try {
      real = join(nodeFs.realpathSync(join(path, '..')), path.slice(path.lastIndexOf('/') + 1));
    } catch {
      // No parent: no mount either.
    }
    const covering = this.#mounts.filter(
      ({ mountPoint }) => real === mountPoint || real.startsWith(`${mountPoint}/`),
    );
    return covering.at(-1)?.dev ?? 1;
  }
}
