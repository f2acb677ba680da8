/** Options of a tmpfs that holds one volume. */
export interface TmpfsOptions {
  /** Shown as the device in the mount table: says whose mount it is. */
  readonly source: string;
  readonly sizeBytes: number;
  /** File mode of the root directory. */
  readonly mode: number;
}

/** What the driver needs of the kernel's mounts. Every path is absolute. */
export interface Mounter {
  /** Mounts a tmpfs that is never swapped out (where the kernel has `noswap`, 6.4) and runs nothing. */
  mountTmpfs(target: string, options: TmpfsOptions): Promise<void>;
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

/** Octal modes are written as tmpfs(5) wants them. */
export function tmpfsData(options: TmpfsOptions, noswap: boolean): string {
  const data = `size=${options.sizeBytes},mode=${options.mode.toString(8)}`;
  return noswap ? `${data},noswap` : data;
}
