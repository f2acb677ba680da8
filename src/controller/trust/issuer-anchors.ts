import type { Certificate } from '../../pki/index.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';

/** What the certificates of each issuer are verified against at this moment: also a CA that is coming, or going. */
export interface IssuerAnchors {
  /** Undefined while it is not known; empty for an issuer that has none to give. */
  of(issuer: IssuerKey): readonly Certificate[] | undefined;
}
