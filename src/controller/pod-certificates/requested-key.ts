import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { PodCertificateRequestSpec } from '../../api/pod-certificate-request.ts';
import {
  encodePem,
  isEmptyAltNames,
  isEmptySubject,
  keySpecOf,
  parseRequest,
  PkiError,
} from '../../pki/index.ts';
import type { KeySpec } from '../../pki/index.ts';

export interface RequestedKey {
  readonly publicKey: KeyObject;
  readonly spec: KeySpec;
  /** PEM of the stub request; empty for a kubelet of 1.35, which sends none. */
  readonly stub: string;
}

/**
 * The key that a kubelet asks to be certified, in the form of its version. The API server has verified that the kubelet holds
 * it.
 *
 * @throws PkiError for a key that is not signed here, and for a stub request that asks for more than a key
 */
export function requestedKey(spec: PodCertificateRequestSpec): RequestedKey {
  const encoded = spec.stubPKCS10Request ?? '';
  const pkixPublicKey = spec.pkixPublicKey ?? '';
  if (encoded !== '') {
    const stub = encodePem('CERTIFICATE REQUEST', Buffer.from(encoded, 'base64'));
    const { publicKey, subject, altNames, otherExtensions, ...more } = parseRequest(stub);
    const empty = isEmptySubject(subject) && isEmptyAltNames(altNames) && otherExtensions.length === 0;
    if (!empty || more.usages || more.isCA !== undefined || more.nameConstraints) {
      throw new PkiError('unsupported', 'spec.stubPKCS10Request asks for more than a key');
    }
    return { publicKey, spec: keySpecOf(publicKey), stub };
  }
  if (pkixPublicKey === '') {
    throw new PkiError(
      'invalid-key',
      'the request has no key that this version of the API shows: spec.stubPKCS10Request, or in v1beta1 spec.pkixPublicKey',
    );
  }
  const publicKey = readPublicKey(pkixPublicKey);
  return { publicKey, spec: keySpecOf(publicKey), stub: '' };
}

function readPublicKey(base64: string): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' });
  } catch (cause) {
    throw new PkiError('invalid-key', 'spec.pkixPublicKey does not decode, or is of an unknown kind', {
      cause,
    });
  }
}
