import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import type { ExtendedKeyUsage } from '../extensions/usages.ts';
import { formatSubject } from '../names/subject.ts';

/**
 * Checks that each of these issuers may issue for all of these purposes: verifiers ask every certificate that they are sent
 * for the purpose, and one without extended key usages is for all. Give no anchors: of those only some verifiers ask it.
 */
export function checkPurposes(issuers: readonly Certificate[], purposes: readonly ExtendedKeyUsage[]): void {
  for (const { subject, usages } of issuers) {
    const { extendedKeyUsages = [], otherExtendedKeyUsages = [] } = usages ?? {};
    if (extendedKeyUsages.length + otherExtendedKeyUsages.length === 0) continue;
    if (extendedKeyUsages.includes('any')) continue;
    const missing = purposes.find((purpose) => purpose !== 'any' && !extendedKeyUsages.includes(purpose));
    if (missing !== undefined)
      throw new PkiError(
        'not-an-authority',
        `the certificate of ${JSON.stringify(formatSubject(subject))} may not issue for ${missing}: its extended key usages lack it`,
      );
  }
}
