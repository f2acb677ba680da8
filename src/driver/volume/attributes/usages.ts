import { isUsageName, usageNames, type UsageName } from '../../../api/usages.ts';
import { nearest } from '../../../runtime/nearest.ts';
import type { AttributeReader } from './attribute-reader.ts';

/** What both ends of mutual TLS need. RSA key transport additionally needs key encipherment (RFC 5246 §7.4.2). */
export function readUsages(reader: AttributeReader, algorithm: string, isCA: boolean): readonly UsageName[] {
  const asked = reader.list('key-usages');
  for (const usage of asked) {
    if (isUsageName(usage)) continue;
    const close = nearest(usage, usageNames);
    const hint =
      close === undefined ? `known are ${usageNames.join(', ')}` : `did you mean ${JSON.stringify(close)}?`;
    throw reader.refuse('key-usages', `${JSON.stringify(usage)} is not a key usage: ${hint}`);
  }
  if (asked.length > 0) return asked as readonly UsageName[];
  if (isCA) return ['cert sign', 'crl sign'];
  return algorithm === 'RSA'
    ? ['digital signature', 'key encipherment', 'server auth', 'client auth']
    : ['digital signature', 'server auth', 'client auth'];
}
