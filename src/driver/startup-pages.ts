import type * as nodeFs from 'node:fs';

export interface StartupPagesDependencies {
  readonly fs: Pick<typeof nodeFs, 'readFileSync'>;
  /** madvise(2): 0 or the errno. */
  readonly madvise: (address: bigint, length: bigint, advice: number) => number;
}

// asm-generic/mman-common.h
const MADV_RANDOM = 1;
const MADV_DONTNEED = 4;

/**
 * Unmaps the pages of program files that are resident now and faults in only what is used from here on: most of what
 * Node reads of itself it reads to start. They stay in the page cache, where the kernel can take them when it needs room.
 * Nothing is lost: only mappings whose every page is as the file has it are touched.
 */
export function dropStartupPages({ fs, madvise }: StartupPagesDependencies): void {
  for (const { from, to } of unchangedFileMappings(fs.readFileSync('/proc/self/smaps', 'utf8'))) {
    // Without it a fault maps the fifteen pages around it as well.
    madvise(from, to - from, MADV_RANDOM);
    madvise(from, to - from, MADV_DONTNEED);
  }
}

export interface Mapping {
  readonly from: bigint;
  readonly to: bigint;
}

/** Mappings of files that are read-only and of which no page was ever written to (proc(5), smaps). */
export function unchangedFileMappings(smaps: string): Mapping[] {
  const found: Mapping[] = [];
  let mapping: Mapping | undefined;
  for (const line of smaps.split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \d+ +\/.*$/.exec(line);
    if (head !== null) mapping = { from: BigInt(`0x${head[1]}`), to: BigInt(`0x${head[2]}`) };
    else if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) mapping = undefined;
    // The kernel's own word that a private page differs from the file: relocated data of shared libraries has such.
    if (mapping !== undefined && line.startsWith('Anonymous:')) {
      if (/^Anonymous: +0 kB$/.test(line)) found.push(mapping);
      mapping = undefined;
    }
  }
  return found;
}
