/** What a tar archive can hold here. Owner is root, time is 1970: the same content is the same archive. */
export type TarEntry =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

const blockSize = 512;
const typeFlags = { file: '0', link: '2', directory: '5' } as const;

/** A POSIX ustar archive. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    parts.push(header(entry));
    if (entry.type !== 'file') continue;
    parts.push(entry.content, Buffer.alloc((blockSize - (entry.content.length % blockSize)) % blockSize));
  }
  parts.push(Buffer.alloc(2 * blockSize));
  return Buffer.concat(parts);
}

function header(entry: TarEntry): Buffer {
  const block = Buffer.alloc(blockSize);
  const octal = (value: number, offset: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, '0'), offset, 'ascii');
  };
  const [prefix, name] = splitPath(entry.type === 'directory' ? `${entry.path}/` : entry.path);
  block.write(name, 0);
  octal(entry.type === 'link' ? 0o777 : entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.type === 'file' ? entry.content.length : 0, 124, 12);
  octal(0, 136, 12);
  block.fill(' ', 148, 156); // the checksum counts itself as spaces
  block.write(typeFlags[entry.type], 156);
  if (entry.type === 'link') block.write(shortEnough(entry.target, 100), 157);
  block.write('ustar\u000000', 257, 'latin1');
  block.write(prefix, 345);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  block[154] = 0;
  return block;
}

/** @returns a prefix of up to 155 bytes and a name of up to 100, to be joined by a slash */
function splitPath(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  const slash = path.indexOf('/', path.length - 101);
  if (slash < 0) throw new Error(`too long for a tar archive: ${path}`);
  return [shortEnough(path.slice(0, slash), 155), path.slice(slash + 1)];
}

function shortEnough(text: string, limit: number): string {
  if (Buffer.byteLength(text) > limit) throw new Error(`too long for a tar archive: ${text}`);
  return text;
}
