import { issuersOfSigner } from '../../api/pod-certificate-signer.ts';
import { issuerKeyText } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { IssuerState, ReadyIssuer } from '../issuers/issuer-state.ts';
import type { WaitReason } from './pod-certificate-outcome.ts';

export interface FindIssuerDependencies {
  /** Undefined when there is no such issuer. */
  readonly issuer: (key: IssuerKey) => IssuerState | undefined;
}

export type FoundIssuer =
  | { readonly found: 'ready'; readonly issuer: IssuerKey; readonly state: ReadyIssuer }
  | { readonly found: 'loading' }
  | { readonly found: 'missing'; readonly reason: WaitReason; readonly message: string };

/** @param namespace of the pod */
export function findIssuer(
  signerName: string,
  namespace: string,
  { issuer: stateOf }: FindIssuerDependencies,
): FoundIssuer {
  const candidates = issuersOfSigner(signerName, namespace);
  for (const issuer of candidates) {
    const state = stateOf(issuer);
    if (state === undefined) continue;
    if (state.state === 'loading') return { found: 'loading' };
    const text = issuerKeyText(issuer);
    // The cause is on the issuer: it may speak of Secrets that a pod has no business with.
    if (state.state !== 'ready') return missing('IssuerNotReady', `${text} is not ready`);
    if (state.signer.signsWith === 'own-key')
      return missing('IssuerNotReady', `${text} is SelfSigned, which cannot sign for pods`);
    return { found: 'ready', issuer, state };
  }
  const names = candidates.map(issuerKeyText).join(' and no ');
  return missing('IssuerNotFound', `there is no ${names} for signer ${signerName}`);
}

function missing(reason: WaitReason, message: string): FoundIssuer {
  return { found: 'missing', reason, message };
}
