import type { Secret } from '../../api/core.ts';
import { keyText } from '../../kube/index.ts';
import type { ObjectKey } from '../../kube/index.ts';
import { OwnedWatches } from '../owned-watches.ts';
import type { OwnedWatchesDependencies } from '../owned-watches.ts';

export type SecretState =
  | { readonly state: 'loading' }
  | { readonly state: 'absent' }
  /** It could not be read so far, for a reason that an administrator may have to mend. */
  | { readonly state: 'unavailable'; readonly message: string }
  | { readonly state: 'present'; readonly secret: Secret };

/** The only Secrets that the controller holds: those that somebody names, each under one watch of its own. */
export class NamedSecrets {
  readonly #watches: OwnedWatches<ObjectKey, Secret | undefined>;

  constructor(deps: Omit<OwnedWatchesDependencies<ObjectKey, Secret | undefined>, 'textOf'>) {
    this.#watches = new OwnedWatches({ ...deps, textOf: keyText });
  }

  /** How many Secrets are under watch. */
  get size(): number {
    return this.#watches.size;
  }

  /** Names all Secrets that an owner needs from now on; none of them drops the owner. */
  want(owner: string, keys: readonly ObjectKey[]): void {
    this.#watches.want(owner, keys);
  }

  /** Loading also for a Secret that nobody has named. */
  get(key: ObjectKey): SecretState {
    const found = this.#watches.get(key);
    if (found.state !== 'known') return found;
    return found.value ? { state: 'present', secret: found.value } : { state: 'absent' };
  }

  /** Ends all watches. */
  close(): void {
    this.#watches.close();
  }
}
