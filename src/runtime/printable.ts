/** Every control character but a tab and a newline, and what changes the direction of text or is not seen at all. */
const strange = /[^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Text from anywhere as a terminal may have it: what would move the cursor, hide or turn text around is written as JSON
 * writes it, so that JSON stays what it says.
 */
export function printable(text: string): string {
  return text.replace(strange, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
