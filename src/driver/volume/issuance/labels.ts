import { createHash } from 'node:crypto';

/** Kubernetes allows 63 characters in a label's value; a longer one keeps its head and gets a digest of the whole. */
export function labelValue(text: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text)) return text;
  const head = text
    .replace(/[^A-Za-z0-9-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 38);
  return `${head}${head === '' ? '' : '-'}${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
}
