import { createHash, type KeyObject } from 'node:crypto';
import type { Secret } from '../../../api/core.ts';
import {
  decodePrivateKey,
  formatSubject,
  isEmptySubject,
  isSelfSigned,
  orderChain,
  parseChain,
  PkiError,
  samePublicKey,
} from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';
import { secretText } from '../secret-data.ts';
import { AnchorChecks, maxSignatureChecks, type SigningChain } from './anchor-checks.ts';

/** A signing CA, parsed once for all that it signs. */
export interface CaKeyPair extends SigningChain {
  /**
   * Of the signing certificate and what is sent with it: under another chain the same certificate is verified by others.
   * The fingerprint where nothing is sent.
   */
  readonly id: string;
  readonly key: KeyObject;
  /** What follows each leaf as PEM: the signing certificate and those above it, without a root. Empty for a root. */
  readonly intermediates: string;
  /** What verifiers should trust: the Secret's ca.crt, or else the root-most certificate of tls.crt. */
  readonly anchors: readonly Certificate[];
  /** Of the anchors those that have a part in verifying what it signs. */
  readonly under: readonly Certificate[];
  readonly checks: Pick<AnchorChecks, 'verifies'>;
}

export type CaKeyPairResult =
  | { readonly usable: true; readonly keyPair: CaKeyPair }
  | {
      readonly usable: false;
      readonly reason: 'ErrGetKeyPair' | 'ErrInvalidKeyPair';
      readonly problem: string;
    };

/** In characters: some thirty roots. Every node holds the anchors of every issuer, and anybody may make issuers. */
const longestCaCrt = 64 * 1024;

/** Reads tls.crt (the signing certificate, perhaps with its chain), tls.key and ca.crt, each PEM. */
export function readCaKeyPair(secret: Secret): CaKeyPairResult {
  const where = `secret '${secret.metadata.namespace ?? ''}/${secret.metadata.name ?? ''}'`;
  const certificates = secretText(secret, 'tls.crt');
  if (certificates === undefined) return unusable('ErrGetKeyPair', `no data for "tls.crt" in ${where}`);
  const privateKey = secretText(secret, 'tls.key');
  if (privateKey === undefined) return unusable('ErrGetKeyPair', `no data for "tls.key" in ${where}`);

  try {
    const chain = orderChain(parseChain(certificates));
    const key = decodePrivateKey(privateKey);
    return assemble(chain, key, secretText(secret, 'ca.crt'));
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return unusable('ErrGetKeyPair', `${where}: ${error.message}`);
  }
}

function assemble(chain: readonly Certificate[], key: KeyObject, caCrt: string | undefined): CaKeyPairResult {
  const [certificate] = chain;
  const top = chain.at(-1);
  if (!certificate || !top) return unusable('ErrGetKeyPair', 'tls.crt holds no certificate');
  if (!certificate.isCA) return unusable('ErrInvalidKeyPair', 'certificate is not a CA');
  if (certificate.keyUsageCritical !== undefined && !certificate.usages?.keyUsages.includes('keyCertSign')) {
    return unusable(
      'ErrInvalidKeyPair',
      'certificate may not sign certificates: its key usages lack "cert sign"',
    );
  }
  if (isEmptySubject(certificate.subject)) {
    return unusable(
      'ErrInvalidKeyPair',
      'certificate has no subject, so that nothing could name it as issuer',
    );
  }
  if (!samePublicKey(key, certificate.publicKey)) {
    return unusable('ErrInvalidKeyPair', 'tls.key is not the private key of the certificate in tls.crt');
  }
  if (caCrt !== undefined && caCrt.length > longestCaCrt) {
    const problem = `ca.crt has ${caCrt.length} characters; verifiers are handed at most ${longestCaCrt}`;
    return unusable('ErrInvalidKeyPair', problem);
  }
  const sent = isSelfSigned(top) ? chain.slice(0, -1) : chain;
  const checks = new AnchorChecks({ certificate, chain, sent });
  const anchors = anchorsFrom(caCrt, checks) ?? [top];
  const under = checks.above(anchors);
  if (checks.isExhausted) {
    const problem = `ca.crt has certificates of one name so that more than ${maxSignatureChecks} signatures would have to be verified`;
    return unusable('ErrInvalidKeyPair', problem);
  }
  const strange = strangeIn({ certificate, sent, anchors });
  if (strange) {
    const problem = `the certificate of ${JSON.stringify(formatSubject(strange.subject))} has the critical extension ${strange.unknownCriticalExtensions[0]}, which verifiers do not understand`;
    return unusable('ErrInvalidKeyPair', problem);
  }
  return {
    usable: true,
    keyPair: {
      id: idOf(sent.length === 0 ? chain : sent),
      certificate,
      chain,
      key,
      sent,
      intermediates: joinPem(sent),
      anchors,
      under,
      checks,
    },
  };
}

/** A certificate that verifiers refuse, and with it everything that is signed here. */
function strangeIn({
  anchors,
  certificate,
  sent,
}: Pick<CaKeyPair, 'anchors' | 'certificate' | 'sent'>): Certificate | undefined {
  const isStrange = ({ unknownCriticalExtensions }: Certificate): boolean =>
    unknownCriticalExtensions.length > 0;
  return [certificate, ...sent].find(isStrange) ?? (anchors.every(isStrange) ? anchors[0] : undefined);
}

function idOf(certificates: readonly Certificate[]): string {
  const hash = createHash('sha256');
  for (const { der } of certificates) hash.update(der);
  return hash.digest('hex');
}

/**
 * What the Secret itself says is to be trusted. A ca.crt that is not above this chain (left over when somebody
 * replaced the key pair by hand) is passed over: whoever trusted it could verify nothing.
 */
function anchorsFrom(caCrt: string | undefined, checks: AnchorChecks): readonly Certificate[] | undefined {
  if (caCrt === undefined) return undefined;
  const anchors = attemptChain(caCrt);
  return anchors?.some((anchor) => checks.verifies(anchor)) ? anchors : undefined;
}

function attemptChain(pem: string): readonly Certificate[] | undefined {
  try {
    return parseChain(pem);
  } catch (error) {
    if (error instanceof PkiError) return undefined;
    throw error;
  }
}

/** One after the other, whatever stood between them. */
export function joinPem(certificates: readonly Certificate[]): string {
  return certificates.map((certificate) => `${certificate.pem.trim()}\n`).join('');
}

function unusable(reason: 'ErrGetKeyPair' | 'ErrInvalidKeyPair', problem: string): CaKeyPairResult {
  return { usable: false, reason, problem };
}
