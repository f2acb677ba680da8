import { checkDnsName } from '../pki/index.ts';

/**
 * Names are compared as they stand, in lower case, as the API server has them.
 *
 * @returns the same name, for use in expressions
 */
export function checkClusterDomain(text: string): string {
  const name = checkDnsName(text);
  if (name.startsWith('*') || name !== name.toLowerCase()) {
    throw new Error(`${JSON.stringify(text)} is not a domain in lower case, without a wildcard`);
  }
  return name;
}
