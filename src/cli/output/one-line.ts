/** A text from elsewhere must not look like two lines of ours. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]\s*/g, ' ');
}
