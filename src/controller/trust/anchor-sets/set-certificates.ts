import type { AnchorSet } from '../../../api/anchor-set.ts';
import { isPkiError, parseChain } from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';

/** What a set publishes; nothing for what somebody else has made of it, which is brought to what it should be. */
export function setCertificates(set: AnchorSet | undefined): readonly Certificate[] {
  const pem = set?.spec.anchors ?? '';
  try {
    return pem === '' ? [] : parseChain(pem);
  } catch (error) {
    if (isPkiError(error)) return [];
    throw error;
  }
}
