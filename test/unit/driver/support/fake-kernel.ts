import * as nodeFs from 'node:fs';
import { join } from 'node:path';
import type { Mounter, TmpfsOptions } from '../../../../src/driver/volume/mount/mounter.ts';
import { MountError } from '../../../../src/driver/volume/mount/mounter.ts';
import type { VolumeMountsDependencies } from '../../../../src/driver/volume/mount/volume-mounts.ts';

interface FakeMount {
  readonly mountPoint: string;
  readonly source: string;
  readonly dev: number;
  /** Of which it is a bind mount: another driver's, with what lies in it when the mount is gone. */
  readonly folder?: string;
  isReadOnly?: boolean;
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

  async makeWritable(target: string): Promise<void> {
    if (this.mountFailure !== undefined) throw this.mountFailure;
    const mountPoint = nodeFs.realpathSync(target);
    const mount = this.#mounts.findLast((other) => other.mountPoint === mountPoint);
    if (mount === undefined) throw new MountError(`cannot write to the mount on ${target}: EINVAL`, 'EINVAL');
    mount.isReadOnly = false;
  }

  /** As another driver mounts a folder of its own tmpfs. */
  bindReadOnly(folder: string, target: string): void {
    nodeFs.mkdirSync(target);
    move(folder, target);
    const mountPoint = nodeFs.realpathSync(target);
    this.#mounts.push({ mountPoint, source: 'tmpfs', dev: ++this.#devices, folder, isReadOnly: true });
  }

  /** As a container that is started anew has it, in a mount namespace of its own. */
  enterNamespace(): void {
    for (const mount of this.#mounts) mount.isReadOnly = mount.folder !== undefined;
  }

  /** The file system for a process that cannot write where a mount is read-only. */
  guarded(fs: typeof nodeFs): typeof nodeFs {
    return new Proxy(fs, {
      get: (object, property) => {
        const value: unknown = Reflect.get(object, property, object);
        if (typeof value !== 'function' || /^(lstat|read|realpath|exists)/.test(String(property)))
          return value;
        const call = value as (...args: unknown[]) => unknown;
        return (...args: unknown[]): unknown => {
          const refused = args.find(
            (arg) =>
              typeof arg === 'string' && arg.startsWith('/') && this.#coveringMount(arg)?.isReadOnly === true,
          );
          if (refused !== undefined)
            throw Object.assign(new Error(`EROFS: read-only file system, ${refused as string}`), {
              code: 'EROFS',
            });
          return call.apply(object, args);
        };
      },
    });
  }

  async unmount(target: string): Promise<void> {
    await this.beforeUnmount?.();
    if (this.unmountFailure !== undefined) throw this.unmountFailure;
    const mountPoint = nodeFs.realpathSync(target);
    const index = this.#mounts.findLastIndex((mount) => mount.mountPoint === mountPoint);
    if (index < 0) throw new MountError(`cannot unmount ${target}: EINVAL`, 'EINVAL');
    const [mount] = this.#mounts.splice(index, 1);
    if (this.mountPoints.includes(mountPoint)) return;
    if (mount?.folder !== undefined) return move(mountPoint, mount.folder);
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
    return this.#coveringMount(path)?.dev ?? 1;
  }

  #coveringMount(path: string): FakeMount | undefined {
    let real = path;
    try {
      real = join(nodeFs.realpathSync(join(path, '..')), path.slice(path.lastIndexOf('/') + 1));
    } catch {
      // No parent: no mount either.
    }
    return this.#mounts.findLast(
      ({ mountPoint }) => real === mountPoint || real.startsWith(`${mountPoint}/`),
    );
  }
}

function move(from: string, to: string): void {
  for (const name of nodeFs.readdirSync(from)) nodeFs.renameSync(join(from, name), join(to, name));
}
