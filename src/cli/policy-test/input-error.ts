/** What the command was given cannot be understood. The message is for whoever gave it. */
export class InputError extends Error {
  override readonly name = 'InputError';
}
