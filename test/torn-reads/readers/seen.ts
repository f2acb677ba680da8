/** What a way of reading has seen. */
export interface Seen {
  /** Sets of files that were read. */
  readonly reads: number;
  /** Key, chain and anchors that are not of one pair, and contents that are of none. */
  readonly mismatches: number;
  /** Times that a file or folder was gone, after which the reader began anew. */
  readonly retries: number;
  /** Changes from one pair to another. */
  readonly rotations: number;
}

/** The line that a reader prints when its standard input ends. */
export interface ReaderReport {
  /** The file that holds key and chain. */
  readonly bundle: Seen;
  /** Key, chain and anchors, all found through one look at `..data`. */
  readonly generation: Seen;
  /** Key and chain by their own names, one after the other: what the volume cannot protect. */
  readonly apart: Seen;
}
