import type { Secret } from '../../api/core.ts';

/** One value of a Secret as text; undefined when it is missing or empty. */
export function secretText(secret: Secret, key: string): string | undefined {
  const value = secret.data?.[key];
  return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

const keyPairEntries: readonly string[] = ['tls.crt', 'tls.key', 'ca.crt'];

/** What of a Secret makes a CA. */
export function keyPairData({ data = {} }: Secret): Record<string, string> {
  return Object.fromEntries(Object.entries(data).filter(([entry]) => keyPairEntries.includes(entry)));
}
