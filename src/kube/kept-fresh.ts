import type { Clock } from './clock.ts';

/** What to use now. Asked for at every call, hence cheap; `fresh` when what it gave before was refused. */
export type Fresh<T> = (options?: { fresh?: boolean }) => Promise<T>;

/** The kubelet replaces a projected token when a fifth of its life is left, two minutes at the least. */
const ageMs = 60_000;

/**
 * What something else keeps fresh, read at most once a minute. While it cannot be read, what was read last is used on: the
 * other side is the judge of its validity.
 *
 * @param first when it has just been read
 */
export function keptFresh<T>(read: () => Promise<T>, deps: { clock: Clock }, first?: T): Fresh<T> {
  const { clock } = deps;
  let present: { value: T; readAt: number } | undefined =
    first === undefined ? undefined : { value: first, readAt: clock.now() };
  let reading: Promise<T> | undefined;
  const readAgain = async (): Promise<T> => {
    const readAt = clock.now();
    try {
      const value = await read();
      present = { value, readAt };
      return value;
    } catch (error) {
      if (present === undefined) throw error;
      return present.value;
    } finally {
      reading = undefined;
    }
  };
  return (options) => {
    // A clock that was set back makes the age negative, which also means "do not know".
    const age = present === undefined ? -1 : clock.now() - present.readAt;
    if (present !== undefined && age >= 0 && age < ageMs && options?.fresh !== true) {
      return Promise.resolve(present.value);
    }
    reading ??= readAgain();
    return reading;
  };
}
