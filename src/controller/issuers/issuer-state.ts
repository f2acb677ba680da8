import type { Certificate } from '../../pki/index.ts';
import type { Signer } from './signer.ts';

/** What an issuer can do right now. */
export type IssuerState =
  /** Its Secret was not read yet. */
  | { readonly state: 'loading' }
  | ReadyIssuer
  | NotReadyIssuer
  /** Its spec names no type. */
  | { readonly state: 'typeless' }
  | { readonly state: 'not-supported'; readonly type: string };

export interface ReadyIssuer {
  readonly state: 'ready';
  readonly reason: string;
  readonly message: string;
  readonly signer: Signer;
  /** What verifiers must trust; empty for an issuer that has nothing of the kind. */
  readonly anchors: readonly Certificate[];
  /** Time at which it must be looked at again though nothing changed. */
  readonly recheckAt?: number;
}

export interface NotReadyIssuer {
  readonly state: 'not-ready';
  readonly reason: string;
  readonly message: string;
  readonly recheckAt?: number;
}
