import { certManagerGroup } from '../../../api/issuer-reference.ts';
import { isKubeError, keyText } from '../../../kube/index.ts';
import type { OwnerReference } from '../../../kube/index.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { AnyIssuer } from '../../issuers/issuer-states.ts';
import { TrustError } from '../trust-error.ts';
import type { KeptPair, PreviousPairs, SecretKey } from './previous-pairs.ts';

export interface OldPairKeeperDependencies {
  readonly previous: Pick<PreviousPairs, 'get' | 'keep' | 'release'>;
  /** The Secret that the issuer names. */
  readonly secretOf: (key: IssuerKey) => SecretKey | undefined;
  /** The pair could not be kept and will not be by trying again. */
  readonly onRefused: (key: IssuerKey, issuer: AnyIssuer, error: Error) => void;
}

/** Keeps the pair that an issuer still signs with beside its Secret, which holds the next one, and removes it in the end. */
export class OldPairKeeper {
  readonly #deps: OldPairKeeperDependencies;
  /** Beside which Secret the pair of each issuer lies: it may name another by the time that this ends. */
  readonly #beside = new Map<string, { readonly secret: SecretKey; readonly owner: OwnerReference }>();

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
    const owner = ownerOf(key, issuer);
    try {
      await previous.keep(secret, signing, owner);
    } catch (error) {
      const isRefused = isKubeError(error, 'forbidden', 'invalid', 'bad-request');
      if (!isRefused && !(error instanceof TrustError)) throw error;
      onRefused(key, issuer, error);
      return;
    }
    this.#beside.set(issuerKeyText(key), { secret, owner });
  }

  /**
   * The issuer needs no pair of before, or is gone. Throws KubeError.
   *
   * @param issuer when it is there: a leader before may have kept the pair
   */
  async release(key: IssuerKey, issuer?: AnyIssuer): Promise<void> {
    const secret = this.#deps.secretOf(key);
    const known = this.#beside.get(issuerKeyText(key));
    const kept = known ?? (issuer && secret && { secret, owner: ownerOf(key, issuer) });
    if (kept) await this.#deps.previous.release(kept.secret, kept.owner);
    this.#beside.delete(issuerKeyText(key));
  }
}

function ownerOf({ kind }: IssuerKey, { metadata }: AnyIssuer): OwnerReference {
  const { name = '', uid = '' } = metadata;
  return { apiVersion: `${certManagerGroup}/v1`, kind, name, uid };
}
