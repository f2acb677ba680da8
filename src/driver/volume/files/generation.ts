/** The files of one issuance, which only ever change together. Names are plain file names. */
export interface GenerationFiles {
  readonly files: ReadonlyMap<string, string>;
  /** undefined leaves the group as it is (root). */
  readonly group: number | undefined;
}

export const dataLink = '..data';
/** The next link lies here until it takes the place of {@link dataLink}; a crash may leave it. */
export const nextLink = '..data_tmp';
/** A request under way, its name and its key. Root's alone; the container sees the file's name, not the content. */
export const pendingFile = '..pending';
/** `..2026_11_22_06_53_01.` and six random characters, as the kubelet names them. */
export const generationName = /^\.\.\d{4}(_\d\d){5}\.[a-z0-9]{6}$/i;

export const fileMode = 0o440;
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
