import type { MountSyscalls } from './syscall-mounter.ts';

export interface Libc extends MountSyscalls {
  /** 0 or the errno. */
  readonly madvise: (address: bigint, length: bigint, advice: number) => number;
}

/**
 * The system calls through Node's foreign-function interface.
 *
 * @returns undefined where this Node has none or libc cannot be opened; mount(8) is the way then
 */
export async function openLibc(): Promise<Libc | undefined> {
  try {
    const ffi = await import('node:ffi');
    const { functions } = ffi.dlopen('libc.so.6', {
      mount: { arguments: ['string', 'string', 'string', 'u64', 'string'], return: 'i32' },
      umount2: { arguments: ['string', 'i32'], return: 'i32' },
      madvise: { arguments: ['u64', 'u64', 'i32'], return: 'i32' },
      __errno_location: { arguments: [], return: 'pointer' },
    });
    // Taken beforehand: a call between the failing one and the read of errno could change it.
    const errno = functions.__errno_location();
    return {
      mount: (source, target, type, flags, data) =>
        functions.mount(source, target, type, flags, data) === 0 ? 0 : ffi.getInt32(errno, 0),
      umount2: (target, flags) => (functions.umount2(target, flags) === 0 ? 0 : ffi.getInt32(errno, 0)),
      madvise: (address, length, advice) =>
        functions.madvise(address, length, advice) === 0 ? 0 : ffi.getInt32(errno, 0),
    };
  } catch {
    return undefined;
  }
}
