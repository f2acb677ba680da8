import type { CaIssuer } from '../../../api/issuer.ts';
import { PkiError, signCertificate } from '../../../pki/index.ts';
import { certificateTemplate } from '../../requests/certificate-template.ts';
import type { Signer } from '../signer.ts';
import { joinPem } from './ca-key-pair.ts';
import type { CaKeyPair } from './ca-key-pair.ts';

/** Signs with a CA key from a Secret; no certificate outlives the CA's. */
export function caSigner(spec: CaIssuer, keyPair: CaKeyPair): Signer {
  const { certificate, key, intermediates } = keyPair;
  const ca = joinPem(keyPair.anchors);
  return {
    async sign({ checked, now }) {
      try {
        const leaf = await signCertificate(certificateTemplate(checked, spec, now), { certificate, key });
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
