import type { PodCertificateRequestStatus } from '../../api/pod-certificate-request.ts';
import type { invalidUserAnnotations, unsupportedKeyType } from '../../api/pod-certificate-request.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { Certificate } from '../../pki/index.ts';

/** Why a request has no answer yet. Closed: they are Event reasons and a metric's label. */
export const waitReasons = [
  'IssuerNotFound',
  'IssuerNotReady',
  'NoPolicy', // no policy applies, or one that does is not usable yet
  'NotAllowedYet', // no policy allows it, and one that does, its binding or a Service may be on its way
  'PodGone', // it was there, and where the kubelet said, when that asked
  'SigningError',
  'LifetimeTooShort', // the CA does not live the hour that the API asks for
  'ClockSkew',
  'UnexpectedCertificate', // the issuer gave another one than it was asked for
  'RefusedByServer', // the answer: the controller may lack the right to sign
] as const;
export type WaitReason = (typeof waitReasons)[number];

/** Only what the pod's author or a policy says, or its end: a kubelet takes a denial for final, also when it renews. */
export type DenialReason =
  typeof unsupportedKeyType | typeof invalidUserAnnotations | 'PolicyDenied' | 'PodFinished';

/** What one look at a request came to. There is no failure: whatever may pass stays pending, and is tried again. */
export type PodCertificateOutcome =
  /** Nothing is known yet: what it waits for brings it back. */
  | { readonly outcome: 'hold' }
  | {
      readonly outcome: 'waiting';
      readonly reason: WaitReason;
      readonly message: string;
      /** When something else is said than this, in milliseconds since the epoch. */
      readonly until?: number;
    }
  | { readonly outcome: 'denied'; readonly reason: DenialReason; readonly message: string }
  | {
      readonly outcome: 'issued';
      readonly status: PodCertificateRequestStatus;
      readonly leaf: Certificate;
      readonly issuer: IssuerKey;
      readonly policy: string;
      /** By the API server's clock, as far as that is known, in milliseconds since the epoch. */
      readonly signedAt: number;
    };
