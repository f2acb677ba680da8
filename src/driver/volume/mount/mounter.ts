/** Options of a tmpfs that holds one volume. */
export interface TmpfsOptions {
  /** Shown as the device in the mount table: says whose mount it is. */
  readonly source: string;
  readonly sizeBytes: number;
  /** File mode of the root directory. */
  readonly mode: number;
  /**
   * SELinux label of everything in it, as mount(8) has it in `context=`. Without SELinux the kernel refuses it and mount(8)
   * leaves it out. The unit tests see what is handed to both; no test has run under SELinux.
   */
  readonly seLinuxContext?: string | undefined;
}

/** What the driver needs of the kernel's mounts. Every path is absolute. */
export interface Mounter {
  /** Mounts a tmpfs that is never swapped out (where the kernel has `noswap`, 6.4) and runs nothing. */
  mountTmpfs(target: string, options: TmpfsOptions): Promise<void>;
  /**
   * Lifts read-only from the topmost mount on the path, in this process's mount namespace alone: mounts of the same file
   * system in containers, and that of the node, stay as they are. Still nothing there runs or is a device.
   */
  makeWritable(target: string): Promise<void>;
  /** Takes the topmost mount off the path, busy or not. */
  unmount(target: string): Promise<void>;
}

export class MountError extends Error {
  /** errno name where it is known, for example `EPERM`. */
  readonly code: string | undefined;

  constructor(message: string, code?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MountError';
    this.code = code;
  }
}

/**
 * Octal modes are written as tmpfs(5) wants them. A label stands in quotes: its categories are separated by commas, and both
 * the kernel and mount(8) leave commas within quotes alone.
 */
export function tmpfsData(options: TmpfsOptions, noswap: boolean): string {
  return [
    `size=${options.sizeBytes}`,
    `mode=${options.mode.toString(8)}`,
    ...(noswap ? ['noswap'] : []),
    ...(options.seLinuxContext === undefined ? [] : [`context="${options.seLinuxContext}"`]),
  ].join();
}
