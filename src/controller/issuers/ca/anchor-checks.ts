import { fingerprint, issuesAs, namesMatch, verifiesUnder } from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';

/**
 * Signatures that are verified for one CA. It has one or two anchors; whoever made up a ca.crt in which every name is the same
 * would else keep the controller busy for seconds, again and again.
 */
export const maxSignatureChecks = 100;

/** A CA as leaves name it. */
export interface SigningChain {
  readonly certificate: Certificate;
  /** The signing certificate and those above it, as far as they are known. */
  readonly chain: readonly Certificate[];
  /** Of these what follows each leaf. */
  readonly sent: readonly Certificate[];
}

/** Tells which anchors verify what a CA signs. Every signature is verified once, and {@link maxSignatureChecks} of them. */
export class AnchorChecks {
  readonly #signing: SigningChain;
  readonly #verdicts = new WeakMap<Certificate, boolean>();
  /** By the fingerprints of both certificates: many copies of one anchor cost no more than one. */
  readonly #issued = new Map<string, boolean>();
  #isExhausted = false;

  constructor(signing: SigningChain) {
    this.#signing = signing;
  }

  /** True when there was more to verify: everything further is answered with no. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /**
   * True when a verifier that has this anchor only can do with what it is sent. A root is not sent, whether or not it stands
   * in the Secret, and nobody who lacks an anchor finds the way through it to another.
   */
  verifies(anchor: Certificate): boolean {
    const known = this.#verdicts.get(anchor);
    if (known !== undefined) return known;
    const { certificate, sent } = this.#signing;
    const verdict =
      sent.length === 0
        ? issuesAs(anchor, certificate)
        : sent.some((one) => one.der.equals(anchor.der) || this.#isIssuedBy(one, anchor));
    this.#verdicts.set(anchor, verdict);
    return verdict;
  }

  /** Of these anchors those that have a part in verifying what this CA signs. */
  above(anchors: readonly Certificate[]): readonly Certificate[] {
    const above = new Set<Certificate>();
    // An anchor may have another above it, where both are given to verifiers.
    const path = [...this.#signing.chain];
    for (const certificate of path) {
      for (const anchor of anchors) {
        if (above.has(anchor)) continue;
        if (!certificate.der.equals(anchor.der) && !this.#isIssuedBy(certificate, anchor)) continue;
        above.add(anchor);
        path.push(anchor);
      }
    }
    return [...above];
  }

  #isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
    if (this.#isExhausted || !namesMatch(certificate, issuer)) return false;
    const key = `${fingerprint(certificate.der)} ${fingerprint(issuer.der)}`;
    const known = this.#issued.get(key);
    if (known !== undefined) return known;
    if (this.#issued.size >= maxSignatureChecks) {
      this.#isExhausted = true;
      return false;
    }
    const issued = verifiesUnder(certificate, issuer);
    this.#issued.set(key, issued);
    return issued;
  }
}
