/** Of `note` in an Event, in bytes of UTF-8. */
const longestNote = 1_024;
const cut = '…';

/** The text, or as many whole characters of it as the API server takes. */
export function eventNote(text: string): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= longestNote) return text;
  const room = new Uint8Array(longestNote - encoder.encode(cut).length);
  return `${text.slice(0, encoder.encodeInto(text, room).read)}${cut}`;
}
