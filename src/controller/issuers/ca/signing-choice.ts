import type { Certificate } from '../../../pki/index.ts';
import { joinPem } from './ca-key-pair.ts';
import type { CaKeyPair } from './ca-key-pair.ts';

/** Which CA an issuer signs with at this moment: that of its Secret, or the one before while its successor is made known. */
export type SigningChoice =
  | { readonly choice: 'loading' }
  | {
      readonly choice: 'sign';
      readonly pair: CaKeyPair;
      /** All that verifiers trust now. */
      readonly anchors: readonly Certificate[];
      /** The same as PEM. */
      readonly ca: string;
      /** Told before each signature until when it is valid, in milliseconds since the epoch. */
      readonly onSign: (until: number) => void;
    }
  /** No CA whose key is at hand is trusted everywhere yet. */
  | { readonly choice: 'wait'; readonly anchors: readonly Certificate[]; readonly message: string };

/** The CA of the Secret, whoever trusts it. */
export function signsAtOnce(pair: CaKeyPair): SigningChoice {
  const { anchors } = pair;
  return { choice: 'sign', pair, anchors, ca: joinPem(anchors), onSign: () => {} };
}
