import type { ExtendedKeyUsage, KeyUsage, Usages } from '../pki/index.ts';
import { ApiError } from './errors.ts';

/** The names that the API has for usages, in the order in which the CRD lists them. */
export const usageNames = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
] as const;

export type UsageName = (typeof usageNames)[number];

/** What a request without usages asks for. */
const defaultUsages: readonly UsageName[] = ['digital signature', 'key encipherment'];

/** In the order of the bits of RFC 5280 §4.2.1.3. */
const keyUsages: ReadonlyMap<KeyUsage, readonly UsageName[]> = new Map<KeyUsage, readonly UsageName[]>([
  ['digitalSignature', ['digital signature', 'signing']],
  ['contentCommitment', ['content commitment']],
  ['keyEncipherment', ['key encipherment']],
  ['dataEncipherment', ['data encipherment']],
  ['keyAgreement', ['key agreement']],
  ['keyCertSign', ['cert sign']],
  ['cRLSign', ['crl sign']],
  ['encipherOnly', ['encipher only']],
  ['decipherOnly', ['decipher only']],
]);

const extendedKeyUsages: ReadonlyMap<ExtendedKeyUsage, readonly UsageName[]> = new Map<
  ExtendedKeyUsage,
  readonly UsageName[]
>([
  ['any', ['any']],
  ['serverAuth', ['server auth']],
  ['clientAuth', ['client auth']],
  ['codeSigning', ['code signing']],
  ['emailProtection', ['email protection', 's/mime']],
  ['ipsecEndSystem', ['ipsec end system']],
  ['ipsecTunnel', ['ipsec tunnel']],
  ['ipsecUser', ['ipsec user']],
  ['timeStamping', ['timestamping']],
  ['ocspSigning', ['ocsp signing']],
  ['microsoftSGC', ['microsoft sgc']],
  ['netscapeSGC', ['netscape sgc']],
]);

export function isUsageName(text: string): text is UsageName {
  return (usageNames as readonly string[]).includes(text);
}

/**
 * What a certificate must say for these names, each usage once and in a fixed order.
 *
 * @param names none stands for {@link defaultUsages}
 * @param isCA adds keyCertSign
 * @throws ApiError 'unknown-usage'
 */
export function toUsages(names: readonly string[] | undefined, isCA = false): Usages {
  const asked = names === undefined || names.length === 0 ? defaultUsages : names;
  for (const name of asked) {
    if (!isUsageName(name)) {
      throw new ApiError('unknown-usage', `${JSON.stringify(name)} is not a usage: ${usageNames.join(', ')}`);
    }
  }
  const isAsked = (names: readonly UsageName[]): boolean => names.some((name) => asked.includes(name));
  return {
    keyUsages: [...keyUsages]
      .filter(([usage, names]) => isAsked(names) || (isCA && usage === 'keyCertSign'))
      .map(([usage]) => usage),
    extendedKeyUsages: [...extendedKeyUsages].filter(([, names]) => isAsked(names)).map(([usage]) => usage),
  };
}

/** The names for these usages; of two names for one usage the first: 'digital signature', 'email protection'. */
export function usageNamesOf(usages: Usages): UsageName[] {
  return [
    ...[...keyUsages].filter(([usage]) => usages.keyUsages.includes(usage)),
    ...[...extendedKeyUsages].filter(([usage]) => usages.extendedKeyUsages.includes(usage)),
  ].flatMap(([, names]) => names.slice(0, 1));
}
