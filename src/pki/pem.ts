import { PkiError } from './errors.ts';

export interface PemBlock {
  readonly label: string;
  readonly der: Buffer;
}

const begin = '-----BEGIN ';
const end = '-----END ';
const dashes = '-----';

/** Encodes as RFC 7468 §3 asks of generators: 64 characters a line, one newline at the end. */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  let lines = '';
  for (let at = 0; at < base64.length; at += 64) lines += `${base64.slice(at, at + 64)}\n`;
  return `${begin}${label}${dashes}\n${lines}${end}${label}${dashes}\n`;
}

/**
 * Decodes every block of a PEM text, in time linear in its length.
 *
 * Inside a block everything is strict: equal labels, no headers, canonical base64, nothing else. Between blocks there
 * may be explanatory text, as `openssl` writes it (RFC 7468 §5.2), but no line that begins with five dashes: a
 * boundary that was cut or mangled must not hide a block.
 *
 * @param what names the document in messages
 * @param maxLength of the text; checked before anything else
 */
export function decodePem(text: string, what: string, maxLength: number): PemBlock[] {
  if (text.length > maxLength)
    throw new PkiError('too-large', `${what} has ${text.length} characters; at most ${maxLength} are read`);
  const blocks: PemBlock[] = [];
  let open: { label: string; body: string[] } | undefined;
  for (const line of linesOf(text)) {
    const boundary = line.startsWith(dashes);
    if (open === undefined) {
      if (boundary) open = { label: labelOf(line, begin, what), body: [] };
    } else if (!boundary) open.body.push(line);
    else {
      if (labelOf(line, end, what) !== open.label)
        throw malformed(what, `the end of "${open.label}" has another label`);
      blocks.push({ label: open.label, der: decodeBody(open.body, what) });
      open = undefined;
    }
  }
  if (open !== undefined) throw malformed(what, `"${open.label}" has no end`);
  if (blocks.length === 0) throw malformed(what, 'there is no PEM block in it');
  return blocks;
}

/** Decodes a PEM text of exactly one block, with one of these labels. */
export function decodeSinglePem(
  text: string,
  what: string,
  maxLength: number,
  labels: readonly string[],
): PemBlock {
  const blocks = decodePem(text, what, maxLength);
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1)
    throw malformed(what, `it has ${blocks.length} PEM blocks instead of one`);
  if (!labels.includes(block.label))
    throw malformed(what, `it is a PEM block "${block.label}" instead of "${labels.join('" or "')}"`);
  return block;
}

/** Without line ends and without white space at the ends of lines. */
function* linesOf(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    const newline = text.indexOf('\n', from);
    const to = newline < 0 ? text.length : newline;
    yield text.slice(from, to).trim();
    from = to + 1;
  }
}

function labelOf(line: string, prefix: string, what: string): string {
  const label = line.slice(prefix.length, -dashes.length);
  // RFC 7468 §3: printable ASCII without "-" at the ends. Capitals are all that X.509 and its keys use.
  if (!line.startsWith(prefix) || !line.endsWith(dashes) || !/^[A-Z0-9]+(?: [A-Z0-9]+)*$/.test(label))
    throw malformed(
      what,
      `a line that begins with ${dashes} is not ${prefix === begin ? 'a beginning' : 'an end'}`,
    );
  return label;
}

function decodeBody(body: readonly string[], what: string): Buffer {
  if (body.some((line) => line.includes(':')))
    throw malformed(what, 'a PEM block has headers (is it encrypted?)');
  const base64 = body.join('');
  // Node skips what is not base64. Only canonical base64 comes back the same.
  const decoded = Buffer.from(base64, 'base64');
  if (decoded.length === 0 || decoded.toString('base64') !== base64)
    throw malformed(what, 'its base64 is wrong');
  // Small buffers share a pool of 64 KiB, which a certificate that is kept would keep alive.
  const der = Buffer.allocUnsafeSlow(decoded.length);
  der.set(decoded);
  return der;
}

function malformed(what: string, problem: string): PkiError {
  return new PkiError('malformed', `${what} is malformed: ${problem}`);
}
