/** The files of a volume, which only ever change together. Names are plain file names. */
export interface GenerationFiles {
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** undefined leaves the group as it is (root). */
  readonly group: number | undefined;
}

export const dataLink = '..data';
/** The next link lies here until it takes the place of {@link dataLink}; a crash may leave it. */
export const nextLink = '..data_tmp';
/** A request under way, its name and its key. Root's alone; the container sees the file's name, not the content. */
export const pendingFile = '..pending';
/** The passwords of the key stores, as long as the volume lives. Root's alone, as the one above. */
export const passwordsFile = '..passwords';
/** In each generation: which anchor sets are in it. Its name is in no other folder. */
export const trustFile = '..trust';
/** What is added to the name of a file of root's while it is written; a crash may leave it. */
export const unfinished = '_tmp';
/** `..2026_11_22_06_53_01.` and six random characters (mkdtemp), or up to ten digits where Go made it, as in the kubelet. */
export const generationName = /^\.\.\d{4}(_\d\d){5}\.([a-z0-9]{6}|\d{1,10})$/i;

export const fileMode = 0o440;
/** Of a generation in which nothing is missing; it is root's alone (mkdtemp) until then. */
export const directoryMode = 0o550;

export function generationPrefix(now: Date): string {
  return `..${now.toISOString().slice(0, 19).replace(/[-:T]/g, '_')}.`;
}

/** The time in a generation's name, milliseconds since the epoch; undefined for another name. */
export function generationTime(name: string): number | undefined {
  if (!generationName.test(name)) return undefined;
  const [date, time] = [name.slice(2, 12).replaceAll('_', '-'), name.slice(13, 21).replaceAll('_', ':')];
  return Date.parse(`${date}T${time}Z`);
}
