/** An element in double quotes, with doubled ones inside; or text without any. White space around both does not count. */
const element = /\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))/y;

/**
 * One line of RFC 4180, as Go's encoding/csv reads it: only quotes escape, a backslash is a character as any other.
 *
 * @throws {RangeError} saying what is wrong with the quotes
 */
export function splitCsv(text: string): string[] {
  const elements: string[] = [];
  let at = 0;
  do {
    element.lastIndex = at;
    const [match = '', quoted, plain = ''] = element.exec(text) ?? [];
    elements.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'));
    at += match.length;
    if (at < text.length && text[at] !== ',')
      throw new RangeError(
        'an element with a double quote or a comma in it must be in double quotes as a whole, and each quote inside doubled',
      );
    at += 1;
  } while (at <= text.length);
  return elements;
}
