import type { CaIssuer } from '../../../api/issuer.ts';
import { checkPurposes, PkiError, signCertificate, validityWithin } from '../../../pki/index.ts';
import { certificateTemplate } from '../../requests/certificate-template.ts';
import type { Signer } from '../signer.ts';
import type { SigningChoice } from './signing-choice.ts';

/** Signs with a CA key from a Secret; no certificate outlives the CA's. */
export function caSigner(spec: CaIssuer, choice: SigningChoice & { choice: 'sign' }): Signer {
  const { pair, ca, onSign } = choice;
  const { certificate, key, intermediates, sent } = pair;
  return {
    signsWith: 'authority',
    async sign({ checked, now }) {
      try {
        const template = certificateTemplate(checked, spec, now);
        checkPurposes(sent, template.usages.extendedKeyUsages);
        onSign(validityWithin(certificate, template).notAfter.getTime());
        const leaf = await signCertificate(template, { certificate, key });
        return { result: 'issued', issued: { certificate: leaf + intermediates, ca } };
      } catch (error) {
        if (!(error instanceof PkiError)) throw error;
        return {
          result: 'problem',
          problem: 'SigningError',
          message: `Error signing certificate: ${error.message}`,
        };
      }
    },
  };
}

/** Signs nothing as long as a new CA is not trusted everywhere: requests wait. */
export function waitingSigner(message: string): Signer {
  return {
    signsWith: 'authority',
    sign: async () => ({ result: 'problem', problem: 'AwaitingTrust', message }),
  };
}
