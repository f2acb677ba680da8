import type { KeyObject } from 'node:crypto';
import {
  type Authority,
  type Certificate,
  encodePrivateKey,
  type KeySpec,
  noAltNames,
  parseCertificate,
  signCertificate,
} from '../../../src/pki/index.ts';
import { leafTemplate, makeIntermediate, makeKey, makeRoot } from '../../unit/pki/support/builders.ts';

/** What a pod gets, for both sides of a connection to localhost. */
export interface Identity {
  readonly uri: string;
  readonly key: KeyObject;
  readonly chain: readonly [leaf: Certificate, intermediate: Certificate];
  readonly anchors: readonly Certificate[];
}

/** A CA whose certificates are valid now, by the clock of this machine: Java's cannot be set. */
export class IdentityFactory {
  readonly #validity: { readonly notBefore: Date; readonly notAfter: Date };
  readonly #root: Authority;
  readonly #intermediate: Authority;

  private constructor(
    validity: { notBefore: Date; notAfter: Date },
    root: Authority,
    intermediate: Authority,
  ) {
    this.#validity = validity;
    this.#root = root;
    this.#intermediate = intermediate;
  }

  static async create(): Promise<IdentityFactory> {
    const validity = {
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
    };
    const root = await makeRoot('root', validity);
    return new IdentityFactory(validity, root, await makeIntermediate(root, 'intermediate', validity));
  }

  async identity(name: string, spec: KeySpec): Promise<Identity> {
    const key = await makeKey(spec);
    const uri = `spiffe://cluster.local/ns/web/sa/${name}`;
    const altNames = { ...noAltNames, dnsNames: ['localhost'], uris: [uri] };
    const leaf = await signCertificate(
      leafTemplate(key, { ...this.#validity, altNames }),
      this.#intermediate,
    );
    return {
      uri,
      key,
      chain: [parseCertificate(leaf), this.#intermediate.certificate],
      anchors: [this.#root.certificate],
    };
  }
}

/** For `node:tls`, from PEM: nothing of it went through a key store. */
export function pemOf({ key, chain, anchors }: Identity): { key: string; cert: string; ca: string } {
  const join = (certificates: readonly Certificate[]): string => certificates.map(({ pem }) => pem).join('');
  return { key: encodePrivateKey(key, 'PKCS8'), cert: join(chain), ca: join(anchors) };
}
