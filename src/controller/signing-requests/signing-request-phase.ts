import type { CertificateSigningRequest } from '../../api/certificate-signing-request.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';

/** Where a request stands, from what is written on it alone. */
export type SigningRequestPhase =
  /** Of another signer, or being deleted. */
  | { readonly phase: 'not-ours' }
  /** Issued, failed or denied: never touched again. */
  | { readonly phase: 'final' }
  | { readonly phase: 'unapproved' | 'approved'; readonly issuer: IssuerKey };

export function phaseOf({ metadata, spec, status }: CertificateSigningRequest): SigningRequestPhase {
  const issuer = issuerOfSigner(spec.signerName);
  if (issuer === undefined || metadata.deletionTimestamp !== undefined) return { phase: 'not-ours' };
  // The API has no False for these.
  const has = (type: string): boolean => (status?.conditions ?? []).some((one) => one.type === type);
  if (has('Failed') || has('Denied') || (status?.certificate ?? '') !== '') return { phase: 'final' };
  return { phase: has('Approved') ? 'approved' : 'unapproved', issuer };
}

/** `issuers.cert-manager.io/NAMESPACE.NAME` and `clusterissuers.cert-manager.io/NAME`; names may have dots, namespaces none. */
function issuerOfSigner(signerName: string): IssuerKey | undefined {
  const [signer, path = '', ...more] = signerName.split('/');
  if (path === '' || more.length > 0) return undefined;
  if (signer === 'clusterissuers.cert-manager.io') return { kind: 'ClusterIssuer', name: path };
  if (signer !== 'issuers.cert-manager.io') return undefined;
  const dot = path.indexOf('.');
  const [namespace, name] = [path.slice(0, Math.max(0, dot)), path.slice(dot + 1)];
  return namespace === '' || name === '' ? undefined : { kind: 'Issuer', namespace, name };
}
