import { isUsageName, toUsages, usageNames, type UsageName } from '../../../../api/usages.ts';
import { nearest } from '../../../../runtime/nearest.ts';
import type { AttributeReader } from '../attribute-reader.ts';

/** @returns an empty list where none is asked for */
export function readUsages(reader: AttributeReader): readonly UsageName[] {
  return reader.list('key-usages').map((usage) => {
    if (isUsageName(usage)) return usage;
    const close = nearest(usage, usageNames);
    const hint =
      close === undefined ? `known are ${usageNames.join(', ')}` : `did you mean ${JSON.stringify(close)}?`;
    throw reader.refuse('key-usages', `${JSON.stringify(usage)} is not a key usage: ${hint}`);
  });
}

/** Whether an X.509-SVID may have them (X509-SVID §4.3 and §4.4). */
export function areUsagesOfSvid(names: readonly UsageName[]): boolean {
  const { extendedKeyUsages, keyUsages } = toUsages(names);
  return (
    keyUsages.includes('digitalSignature') &&
    !keyUsages.includes('keyCertSign') &&
    !keyUsages.includes('cRLSign') &&
    (extendedKeyUsages.length === 0 ||
      (extendedKeyUsages.includes('serverAuth') && extendedKeyUsages.includes('clientAuth')))
  );
}
