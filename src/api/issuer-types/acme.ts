import type { SecretKeySelector } from '../secret-reference.ts';
import type { Dns01Solver } from './dns01.ts';
import type { Http01Solver } from './http01.ts';

/** An account at a certificate authority that speaks RFC 8555. */
export interface AcmeIssuer {
  /** Where the authority writes about expiry and trouble. */
  email?: string;
  /** URL of the directory. */
  server: string;
  /** Common name of the root of the chain to take, when the authority offers several. */
  preferredChain?: string;
  /** Base64 of PEM: roots for TLS to the authority. Not together with skipTLSVerify. */
  caBundle?: string;
  skipTLSVerify?: boolean;
  externalAccountBinding?: ExternalAccountBinding;
  /** The account's key; the Secret's key is tls.key when not set. Made when it is not there. */
  privateKeySecretRef: SecretKeySelector;
  solvers?: AcmeSolver[];
  /** Fail rather than make an account key. */
  disableAccountKeyGeneration?: boolean;
  /** Ask for a notAfter by the Certificate's duration: many authorities refuse it. */
  enableDurationFeature?: boolean;
  /** Profile of the authority that orders ask for. */
  profile?: string;
  /** Whether the authority is asked when to renew (RFC 9773). */
  renewalInformationSource?: 'ARI' | 'None';
}

/** RFC 8555 §7.3.4. */
export interface ExternalAccountBinding {
  keyID: string;
  /** The MAC key in base64url. */
  keySecretRef: SecretKeySelector;
  /** Without effect: always HS256. Kept so that older objects apply. */
  keyAlgorithm?: 'HS256' | 'HS384' | 'HS512';
}

/** How names are proved. Exactly one of http01 and dns01. */
export interface AcmeSolver {
  selector?: AcmeSolverSelector;
  http01?: Http01Solver;
  dns01?: Dns01Solver;
  /** Wait this long before the authority is told, in place of the self-check. Go's syntax, not negative. */
  waitInsteadOfSelfCheck?: string;
}

/** Which names a solver is for: the most specific that matches is taken; without a selector, all names. */
export interface AcmeSolverSelector {
  /** Labels of the Certificate. */
  matchLabels?: Record<string, string>;
  dnsNames?: string[];
  dnsZones?: string[];
}

export interface AcmeIssuerStatus {
  /** URL of the account. */
  uri?: string;
  lastRegisteredEmail?: string;
  /** Base64 of the SHA-256 of the account key's DER. */
  lastPrivateKeyHash?: string;
}
