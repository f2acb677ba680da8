import { type Certificate, parseChain } from '../../../pki/index.ts';

/** Issuers of one node, with both anchors of each during a change of CA. */
const remembered = 16;

/** Reads trust anchors. Most volumes of a node have the same ones, which are parsed once. */
export class AnchorCache {
  readonly #known = new Map<string, readonly Certificate[]>();

  /** @throws {PkiError} for what is not a list of certificates */
  readonly read = (pem: string): readonly Certificate[] => {
    const known = this.#known.get(pem);
    if (known !== undefined) return known;
    const anchors = parseChain(pem);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= remembered && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(pem, anchors);
    return anchors;
  };
}
