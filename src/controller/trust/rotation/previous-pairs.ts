import { createHash } from 'node:crypto';
import type { Secret } from '../../../api/core.ts';
import { isKubeError, keyText } from '../../../kube/index.ts';
import type { ObjectKey, OwnerReference, Resource } from '../../../kube/index.ts';
import { readCaKeyPair } from '../../issuers/ca/ca-key-pair.ts';
import type { CaKeyPair } from '../../issuers/ca/ca-key-pair.ts';
import { keyPairData } from '../../issuers/secret-data.ts';
import { TrustError } from '../trust-error.ts';

export type SecretKey = ObjectKey & { readonly namespace: string };

/** A key pair with the Secret that it was read from. */
export interface KeptPair {
  readonly pair: CaKeyPair;
  readonly secret: Secret;
}

export interface PreviousPairsDependencies {
  readonly resource: Pick<Resource<Secret>, 'get' | 'create' | 'replace' | 'delete'>;
}

/** On every Secret from here: others of such a name are somebody else's. */
export const previousPairLabel = 'certmount.io/previous-ca';

const type = 'kubernetes.io/tls';

/**
 * The key pairs that issuers sign with while their Secrets hold the next ones already, each in a Secret beside the
 * issuer's own, so that another leader can go on with them.
 */
export class PreviousPairs {
  readonly #deps: PreviousPairsDependencies;
  readonly #kept = new Map<string, KeptPair>();

  constructor(deps: PreviousPairsDependencies) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Reads what a leader before may have left beside an issuer's Secret. Throws KubeError. */
  async read(secret: SecretKey): Promise<void> {
    const key = previousKey(secret);
    try {
      const found = await this.#deps.resource.get(key);
      if (isOurs(found)) this.#take(key, found);
    } catch (error) {
      if (!isKubeError(error, 'not-found')) throw error;
    }
  }

  /** The pair beside an issuer's Secret. */
  get(secret: SecretKey): KeptPair | undefined {
    return this.#kept.get(keyText(previousKey(secret)));
  }

  /**
   * Keeps a pair beside an issuer's Secret. Nothing is written when it is there. Throws KubeError.
   *
   * @param owners as long as one of them is there, the cluster keeps it
   */
  async keep(key: SecretKey, kept: KeptPair, owners: readonly OwnerReference[]): Promise<void> {
    const present = this.get(key);
    if (present?.pair.id === kept.pair.id && isOwnedBy(present.secret, owners)) return;
    const { namespace, name } = previousKey(key);
    const wanted: Secret = {
      metadata: {
        namespace,
        name,
        labels: { 'app.kubernetes.io/managed-by': 'certmount', [previousPairLabel]: 'true' },
        ownerReferences: [...owners],
      },
      type,
      data: keyPairData(kept.secret),
    };
    const written = await this.#put(wanted, owners);
    this.#kept.set(keyText({ namespace, name }), { pair: kept.pair, secret: written });
  }

  /** These need it no more; with the last owner it goes. Nothing happens when there is none. Throws KubeError. */
  async release(key: SecretKey, owners: readonly OwnerReference[]): Promise<void> {
    const previous = previousKey(key);
    for (let attempt = 1; ; attempt += 1) {
      const kept = this.#kept.get(keyText(previous));
      if (!kept) return;
      try {
        await this.#leave(previous, kept, owners);
        return;
      } catch (error) {
        if (!isKubeError(error, 'conflict', 'not-found') || attempt === attempts) throw error;
      }
      await this.#readAgain(previous, kept);
    }
  }

  async #leave(key: SecretKey, kept: KeptPair, owners: readonly OwnerReference[]): Promise<void> {
    const { resource } = this.#deps;
    const { metadata } = kept.secret;
    const present = metadata.ownerReferences ?? [];
    const others = without(present, owners);
    if (others.length === present.length && others.length > 0) return;
    if (others.length > 0) {
      const left = { ...kept.secret, metadata: { ...metadata, ownerReferences: others } };
      this.#kept.set(keyText(key), { ...kept, secret: await resource.replace(left) });
      return;
    }
    // Another issuer may have come to own it meanwhile.
    await resource.delete(key, { uid: metadata.uid, resourceVersion: metadata.resourceVersion });
    this.#kept.delete(keyText(key));
  }

  /** Somebody has changed it, or deleted it, or made it their own. */
  async #readAgain(key: SecretKey, { pair }: KeptPair): Promise<void> {
    try {
      const secret = await this.#deps.resource.get(key);
      if (isOurs(secret)) this.#kept.set(keyText(key), { pair, secret: slim(secret) });
      else this.#kept.delete(keyText(key));
    } catch (error) {
      if (!isKubeError(error, 'not-found')) throw error;
      this.#kept.delete(keyText(key));
    }
  }

  #take(key: ObjectKey, secret: Secret): void {
    const read = readCaKeyPair(secret);
    if (read.usable) this.#kept.set(keyText(key), { pair: read.keyPair, secret: slim(secret) });
  }

  async #put(wanted: Secret, owners: readonly OwnerReference[]): Promise<Secret> {
    const { resource } = this.#deps;
    try {
      return await resource.create(wanted);
    } catch (error) {
      if (!isKubeError(error, 'already-exists')) throw error;
    }
    const { namespace, name = '' } = wanted.metadata;
    const present = await resource.get({ ...(namespace !== undefined && { namespace }), name });
    if (!isOurs(present)) {
      throw new TrustError('foreign', `secrets "${namespace}/${name}" exists and is not certmount's`);
    }
    const others = without(present.metadata.ownerReferences ?? [], owners);
    const { resourceVersion } = present.metadata;
    return resource.replace({
      ...wanted,
      metadata: {
        ...wanted.metadata,
        ownerReferences: [...others, ...owners],
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
    });
  }
}

/** Against other writers, before the caller has to come again. */
const attempts = 4;

function slim(secret: Secret): Secret {
  return { ...secret, data: keyPairData(secret) };
}

function isOurs({ metadata }: Secret): boolean {
  return metadata.labels?.[previousPairLabel] === 'true';
}

/** Kubernetes' limit for object names (RFC 1123 subdomain). */
const longestName = 253;

/** `<name>-certmount-previous`; of a name that would be too long the end is a digest. */
export function previousKey({ namespace, name }: SecretKey): SecretKey {
  const suffix = '-certmount-previous';
  if (name.length + suffix.length <= longestName) return { namespace, name: name + suffix };
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  const start = name.slice(0, longestName - suffix.length - digest.length - 1);
  return { namespace, name: `${start.replace(/[.-]+$/, '')}.${digest}${suffix}` };
}

function isOwnedBy({ metadata }: Secret, owners: readonly OwnerReference[]): boolean {
  return owners.every(({ uid }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
}

/** By kind and name: one that was made again has another uid. */
function without(references: readonly OwnerReference[], owners: readonly OwnerReference[]): OwnerReference[] {
  return references.filter((one) => !owners.some(({ kind, name }) => one.kind === kind && one.name === name));
}
