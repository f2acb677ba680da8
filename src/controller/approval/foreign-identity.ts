import { isPkiError } from '../../pki/index.ts';
import type { ApprovalSubject } from './approver.ts';

/**
 * The SPIFFE ID that a request asks for although it is not of the request's namespace and the cluster's trust domain;
 * undefined when there is none. A CSR that cannot be read asks for nothing: the check that follows approval refuses it.
 */
export function foreignIdentity(subject: ApprovalSubject, trustDomain: string): string | undefined {
  const own = `spiffe://${trustDomain}/ns/${subject.request.metadata.namespace}/sa/`;
  try {
    const uris = subject.csr().altNames.uris;
    // The scheme is case-insensitive (SPIFFE-ID §2.1), the rest is compared as it stands.
    return uris.find((uri) => /^spiffe:/i.test(uri) && !uri.startsWith(own));
  } catch (error) {
    if (isPkiError(error)) return undefined;
    throw error;
  }
}
