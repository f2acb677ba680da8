import { FlagError } from '../../runtime/parse-flags.ts';

/**
 * The name of a pod as kubectl takes and prints it: `api` or `pod/api`.
 *
 * @throws {FlagError} for an object of another kind
 */
export function podName(written: string): string {
  const [, kind = 'pod', name = ''] = /^(?:([^/]*)\/)?(.*)$/s.exec(written) ?? [];
  if (!['pod', 'pods', 'po'].includes(kind) || name === '' || name.includes('/'))
    throw new FlagError('bad-value', `POD: ${JSON.stringify(written)}: must be NAME or pod/NAME`);
  return name;
}
