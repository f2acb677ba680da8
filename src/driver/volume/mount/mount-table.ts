/** A line of /proc/self/mountinfo, as far as the driver reads it. */
export interface Mount {
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

/** Parses proc(5) mountinfo. A line that does not follow it is passed over: the kernel may add fields. */
export function parseMountTable(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    // Optional fields stand between the sixth and a lone hyphen.
    const fields = line.split(' ');
    const hyphen = fields.indexOf('-', 6);
    const [mountPoint, type, source] = [fields[4], fields[hyphen + 1], fields[hyphen + 2]];
    if (hyphen < 0 || mountPoint === undefined || type === undefined || source === undefined) continue;
    mounts.push({ mountPoint: unescapePath(mountPoint), type, source: unescapePath(source) });
  }
  return mounts;
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescapePath(path: string): string {
  if (!path.includes('\\')) return path;
  const bytes = Buffer.from(path).toString('latin1');
  const plain = bytes.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, 'latin1').toString();
}
