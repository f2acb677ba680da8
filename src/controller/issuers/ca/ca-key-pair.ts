import { createHash, type KeyObject } from 'node:crypto';
import type { Secret } from '../../../api/core.ts';
import {
  decodePrivateKey,
  isEmptySubject,
  isIssuedBy,
  issuesAs,
  orderChain,
  parseChain,
  PkiError,
  samePublicKey,
} from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';
import { secretText } from '../secret-data.ts';

/** A signing CA, parsed once for all that it signs. */
export interface CaKeyPair {
  /**
   * Of the signing certificate and what is sent with it: under another chain the same certificate is verified by others.
   * The fingerprint where nothing is sent.
   */
  readonly id: string;
  readonly certificate: Certificate;
  /** The signing certificate and those above it, as far as the Secret has them. */
  readonly chain: readonly Certificate[];
  readonly key: KeyObject;
  /** What follows each leaf: the signing certificate and those above it, without a root. Empty for a root. */
  readonly sent: readonly Certificate[];
  /** The same as PEM. */
  readonly intermediates: string;
  /** What verifiers should trust: the Secret's ca.crt, or else the root-most certificate of tls.crt. */
  readonly anchors: readonly Certificate[];
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
  const sent = isIssuedBy(top, top) ? chain.slice(0, -1) : chain;
  const anchors = anchorsFrom(caCrt, { certificate, sent }) ?? [top];
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
    },
  };
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
function anchorsFrom(
  caCrt: string | undefined,
  signing: Pick<CaKeyPair, 'certificate' | 'sent'>,
): readonly Certificate[] | undefined {
  if (caCrt === undefined) return undefined;
  const anchors = attemptChain(caCrt);
  return anchors && verifying(signing, anchors).length > 0 ? anchors : undefined;
}

function attemptChain(pem: string): readonly Certificate[] | undefined {
  try {
    return parseChain(pem);
  } catch (error) {
    if (error instanceof PkiError) return undefined;
    throw error;
  }
}

/**
 * Of these anchors those under each of which a verifier can do with what it is sent. A root is not sent, whether or not it
 * stands in the Secret, and nobody who lacks an anchor finds the way through it to another.
 */
export function verifying(
  { certificate, sent }: Pick<CaKeyPair, 'certificate' | 'sent'>,
  anchors: readonly Certificate[],
): readonly Certificate[] {
  if (sent.length === 0) return anchors.filter((anchor) => issuesAs(anchor, certificate));
  return anchors.filter((anchor) =>
    sent.some((one) => one.der.equals(anchor.der) || isIssuedBy(one, anchor)),
  );
}

/** Of these anchors those that have a part in verifying what a CA with this chain signs. */
export function anchorsAbove(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
): readonly Certificate[] {
  const above = new Set<Certificate>();
  // An anchor may have another above it, where both are given to verifiers.
  const path = [...chain];
  for (const certificate of path) {
    for (const anchor of anchors) {
      if (above.has(anchor)) continue;
      if (!certificate.der.equals(anchor.der) && !isIssuedBy(certificate, anchor)) continue;
      above.add(anchor);
      path.push(anchor);
    }
  }
  return [...above];
}

/** One after the other, whatever stood between them. */
export function joinPem(certificates: readonly Certificate[]): string {
  return certificates.map((certificate) => `${certificate.pem.trim()}\n`).join('');
}

function unusable(reason: 'ErrGetKeyPair' | 'ErrInvalidKeyPair', problem: string): CaKeyPairResult {
  return { usable: false, reason, problem };
}
