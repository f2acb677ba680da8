import { anchorSets } from '../../../api/anchor-set.ts';
import type { AnchorSet } from '../../../api/anchor-set.ts';
import { certManagerGroup } from '../../../api/issuer-reference.ts';
import { apiVersionOf, isKubeError, keyText } from '../../../kube/index.ts';
import type { KubeObject, OwnerReference } from '../../../kube/index.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { AnyIssuer } from '../../issuers/issuer-states.ts';
import { TrustError } from '../trust-error.ts';
import type { KeptPair, PreviousPairs, SecretKey } from './previous-pairs.ts';

export interface OldPairKeeperDependencies {
  readonly previous: Pick<PreviousPairs, 'get' | 'keep' | 'release'>;
  /** The Secret that the issuer names. */
  readonly secretOf: (key: IssuerKey) => SecretKey | undefined;
  /** The issuer's set, which outlives an issuer that is deleted and made again. */
  readonly setOf: (key: IssuerKey) => AnchorSet | undefined;
  /** The pair could not be kept and will not be by trying again. */
  readonly onRefused: (key: IssuerKey, issuer: AnyIssuer, error: Error) => void;
}

/** Keeps the pair that an issuer still signs with beside its Secret, which holds the next one, and removes it in the end. */
export class OldPairKeeper {
  readonly #deps: OldPairKeeperDependencies;
  /** Beside which Secret the pair of each issuer lies: it may name another by the time that this ends. */
  readonly #beside = new Map<
    string,
    { readonly secret: SecretKey; readonly owners: readonly OwnerReference[] }
  >();

  constructor(deps: OldPairKeeperDependencies) {
    this.#deps = deps;
  }

  /** Without it the rotation goes on, but another leader would have no key to sign with meanwhile. Throws KubeError. */
  async keep(key: IssuerKey, issuer: AnyIssuer, signing: KeptPair): Promise<void> {
    const { onRefused, previous, secretOf } = this.#deps;
    const secret = secretOf(key);
    if (!secret) return;
    const before = this.#beside.get(issuerKeyText(key));
    if (before && keyText(before.secret) !== keyText(secret)) await this.release(key);
    const owners = this.#ownersOf(key, issuer);
    try {
      await previous.keep(secret, signing, owners);
    } catch (error) {
      const isRefused = isKubeError(error, 'forbidden', 'invalid', 'bad-request');
      if (!isRefused && !(error instanceof TrustError)) throw error;
      onRefused(key, issuer, error);
      return;
    }
    this.#beside.set(issuerKeyText(key), { secret, owners });
  }

  /**
   * The issuer needs no pair of before, or is gone. Throws KubeError.
   *
   * @param issuer when it is there: a leader before may have kept the pair
   */
  async release(key: IssuerKey, issuer?: AnyIssuer): Promise<void> {
    const { previous, secretOf } = this.#deps;
    const known = this.#beside.get(issuerKeyText(key));
    if (known) await previous.release(known.secret, known.owners);
    const secret = secretOf(key);
    const owners = this.#ownersOf(key, issuer);
    if (secret && owners.length > 0) await previous.release(secret, owners);
    this.#beside.delete(issuerKeyText(key));
  }

  /** The pair stays for as long as one of them does: the issuer may be made again, and the set be lost. */
  #ownersOf(key: IssuerKey, issuer: AnyIssuer | undefined): OwnerReference[] {
    const set = this.#deps.setOf(key);
    return [
      ...(set ? [ownerReference(apiVersionOf(anchorSets), anchorSets.kind, set)] : []),
      ...(issuer ? [ownerReference(`${certManagerGroup}/v1`, key.kind, issuer)] : []),
    ];
  }
}

function ownerReference(apiVersion: string, kind: string, { metadata }: KubeObject): OwnerReference {
  const { name = '', uid = '' } = metadata;
  return { apiVersion, kind, name, uid };
}
