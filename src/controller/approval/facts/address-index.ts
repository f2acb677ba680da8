import type { Change, KubeObject } from '../../../kube/index.ts';
import { canonicalIp } from '../../../policy/index.ts';

/** Which objects have an address. Most addresses are of one object, which is kept without a set of its own. */
export class AddressIndex<T extends KubeObject> {
  readonly #addressesOf: (object: T) => readonly string[];
  readonly #holders = new Map<string, T | Set<T>>();
  /** By uid, each as it was when its addresses were taken down: a deletion may tell of another state. */
  readonly #known = new Map<string, T>();

  constructor(addressesOf: (object: T) => readonly string[]) {
    this.#addressesOf = addressesOf;
  }

  /** @param address canonical */
  holders(address: string): readonly T[] {
    const present = this.#holders.get(address);
    if (present === undefined) return [];
    return present instanceof Set ? [...present] : [present];
  }

  /** Listener of the objects' reflector. */
  readonly onChange = ({ object, type }: Change<T>): void => {
    const { uid = '' } = object.metadata;
    const previous = this.#known.get(uid);
    if (previous) this.#remove(uid, previous);
    if (type !== 'deleted') this.#add(uid, object);
  };

  #add(uid: string, object: T): void {
    const addresses = canonicalIps(this.#addressesOf(object));
    if (addresses.length > 0) this.#known.set(uid, object);
    for (const address of addresses) {
      const present = this.#holders.get(address);
      if (present instanceof Set) present.add(object);
      else this.#holders.set(address, present ? new Set([present, object]) : object);
    }
  }

  #remove(uid: string, object: T): void {
    this.#known.delete(uid);
    for (const address of canonicalIps(this.#addressesOf(object))) {
      const present = this.#holders.get(address);
      if (!(present instanceof Set)) this.#holders.delete(address);
      else if (present.delete(object) && present.size === 0) this.#holders.delete(address);
    }
  }
}

/** Each once, in the form in which they are compared; what is no address is left out. */
export function canonicalIps(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => canonicalIp(text) ?? []))];
}
