/** What a test needs of its machine, or why it is not to be had. */
export type Obtained<T> = { readonly found: T } | { readonly obstacle: string };

/**
 * @param find throws, for people, when the program is neither there nor to be had
 * @throws with CI=true what is an obstacle elsewhere: there nothing is skipped
 */
export async function obtain<T>(find: () => Promise<T> | T): Promise<Obtained<T>> {
  try {
    if (process.getuid?.() !== 0) throw new Error('root is needed to write a volume as the driver does');
    return { found: await find() };
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return { obstacle: error instanceof Error ? error.message : String(error) };
  }
}
