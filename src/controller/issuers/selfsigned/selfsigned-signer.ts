import type { KeyObject } from 'node:crypto';
import type { Secret } from '../../../api/core.ts';
import type { SelfSignedIssuer } from '../../../api/issuer.ts';
import { isKubeError } from '../../../kube/index.ts';
import type { ObjectKey } from '../../../kube/index.ts';
import {
  decodePrivateKey,
  isEmptySubject,
  PkiError,
  samePublicKey,
  selfSignCertificate,
} from '../../../pki/index.ts';
import type { Subject } from '../../../pki/index.ts';
import { certificateTemplate } from '../../requests/certificate-template.ts';
import type { RequestProblem } from '../../requests/problem.ts';
import { secretText } from '../secret-data.ts';
import type { Signer, SigningRequest, SignResult, SignWarning } from '../signer.ts';

/** Names the Secret, in the request's namespace, whose tls.key is the key that the CSR was made with. */
export const privateKeyAnnotation = 'cert-manager.io/private-key-secret-name';

export interface SelfSignedDependencies {
  /** Reads one Secret from the API server; throws KubeError. Its key is not kept. */
  readonly readSecret: (key: ObjectKey) => Promise<Secret>;
}

/** Signs a request with its own key, so that the certificate is its own CA. */
export function selfSignedSigner(spec: SelfSignedIssuer, deps: SelfSignedDependencies): Signer {
  return {
    signsWith: 'own-key',
    async sign(signing) {
      const name = signing.request.metadata.annotations?.[privateKeyAnnotation];
      if (name === undefined || name === '') {
        const message = `Annotation "${privateKeyAnnotation}" missing or reference empty: secret name missing`;
        return problem('MissingAnnotation', message);
      }
      const key = { namespace: signing.request.metadata.namespace ?? '', name };
      const found = await readKey(key, deps);
      return 'result' in found ? found : signWith(found.privateKey, spec, signing);
    },
  };
}

async function readKey(
  key: ObjectKey & { namespace: string },
  deps: SelfSignedDependencies,
): Promise<SignResult | { privateKey: KeyObject }> {
  const where = `secret ${key.namespace}/${key.name}`;
  try {
    const secret = await deps.readSecret(key);
    const pem = secretText(secret, 'tls.key');
    if (pem !== undefined) return { privateKey: decodePrivateKey(pem) };
    return problem('ErrorParsingKey', unparsable(key.name, `no data for "tls.key" in ${where}`), key);
  } catch (error) {
    if (error instanceof PkiError)
      return problem('ErrorParsingKey', unparsable(key.name, error.message), key);
    // A name that no object can have, such as one with its namespace before it, is not even asked for.
    if (isKubeError(error, 'not-found', 'bad-request')) {
      return problem('MissingSecret', `Referenced ${where} not found: secrets "${key.name}" not found`, key);
    }
    if (isKubeError(error, 'forbidden')) {
      return problem(
        'ErrorGettingSecret',
        `Failed to get certificate key pair from ${where}: ${error.message}`,
        key,
      );
    }
    throw error;
  }
}

async function signWith(
  privateKey: KeyObject,
  spec: SelfSignedIssuer,
  signing: SigningRequest,
): Promise<SignResult> {
  const { checked, now } = signing;
  if (!samePublicKey(privateKey, checked.csr.publicKey)) {
    const cause = 'CSR not signed by referenced private key';
    return problem('ErrorKeyMatch', `Error generating certificate template: ${cause}`);
  }
  try {
    const pem = await selfSignCertificate(certificateTemplate(checked, spec, now), privateKey);
    const warning = emptyIssuerWarning(checked.csr.subject);
    return { result: 'issued', issued: { certificate: pem, ca: pem }, ...(warning && { warning }) };
  } catch (error) {
    if (error instanceof PkiError)
      return problem('SigningError', `Error signing certificate: ${error.message}`);
    throw error;
  }
}

/** RFC 5280 §4.1.2.4: the issuer must be a non-empty name, and here it is the subject. */
function emptyIssuerWarning(subject: Subject): SignWarning | undefined {
  if (!isEmptySubject(subject)) return undefined;
  return {
    reason: 'BadConfig',
    message:
      'Certificate will be issued with an empty Issuer DN, which contravenes RFC 5280 and could break some strict clients',
  };
}

function unparsable(name: string, cause: string): string {
  return `Failed to get key "${name}" referenced in annotation "${privateKeyAnnotation}": ${cause}`;
}

function problem(which: RequestProblem, message: string, awaits?: ObjectKey): SignResult {
  return { result: 'problem', problem: which, message, ...(awaits && { awaits }) };
}
