import type { Secret } from '../../api/core.ts';
import { issuerTypes } from '../../api/issuer.ts';
import type { ClusterIssuer, Issuer } from '../../api/issuer.ts';
import type { ObjectKey } from '../../kube/index.ts';
import { readCaKeyPair } from './ca/ca-key-pair.ts';
import type { CaKeyPairResult } from './ca/ca-key-pair.ts';
import { caIssuerState } from './ca/ca-issuer.ts';
import type { IssuerKey } from './issuer-key.ts';
import type { IssuerState } from './issuer-state.ts';
import type { SecretState } from './named-secrets.ts';
import { selfSignedSigner } from './selfsigned/selfsigned-signer.ts';
import type { SelfSignedDependencies } from './selfsigned/selfsigned-signer.ts';

export type AnyIssuer = Issuer | ClusterIssuer;

export interface IssuerStatesOptions {
  /** Where the Secrets of ClusterIssuers are. */
  readonly clusterResourceNamespace: string;
}

export interface IssuerStatesDependencies extends SelfSignedDependencies {
  readonly now: () => number;
  readonly find: (key: IssuerKey) => AnyIssuer | undefined;
  readonly secret: (key: ObjectKey) => SecretState;
}

/** What every issuer can do at this moment, from the present objects; only parsed key pairs are kept. */
export class IssuerStates {
  /** One entry for a Secret as it was read: a changed Secret is another object, and the old one's keys go with it. */
  readonly #keyPairs = new WeakMap<Secret, CaKeyPairResult>();
  readonly #options: IssuerStatesOptions;
  readonly #deps: IssuerStatesDependencies;

  constructor(options: IssuerStatesOptions, deps: IssuerStatesDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Undefined when there is no such issuer. */
  get(key: IssuerKey): IssuerState | undefined {
    const issuer = this.#deps.find(key);
    if (!issuer) return undefined;
    const [type, ...more] = issuerTypes.filter((one) => issuer.spec[one] !== undefined);
    if (type === undefined) return { state: 'typeless' };
    if (more.length > 0) {
      const message = 'Error initializing issuer: may not specify more than one issuer type';
      return { state: 'not-ready', reason: 'ErrInitIssuer', message };
    }
    if (issuer.spec.ca) {
      const secret = this.#deps.secret(this.#secretKey(key, issuer.spec.ca.secretName));
      return caIssuerState(issuer.spec.ca, secret, this.#deps.now(), (read) => this.#keyPair(read));
    }
    if (issuer.spec.selfSigned) {
      const signer = selfSignedSigner(issuer.spec.selfSigned, this.#deps);
      return { state: 'ready', reason: 'IsReady', message: '', signer, anchors: [] };
    }
    return { state: 'not-supported', type };
  }

  /** The Secrets that an issuer names, which must be under watch before its state is known. */
  secretsOf(key: IssuerKey): readonly ObjectKey[] {
    const ca = this.#deps.find(key)?.spec.ca;
    return ca ? [this.#secretKey(key, ca.secretName)] : [];
  }

  #secretKey(key: IssuerKey, name: string): ObjectKey {
    const namespace = key.kind === 'Issuer' ? key.namespace : this.#options.clusterResourceNamespace;
    return { namespace, name };
  }

  #keyPair(secret: Secret): CaKeyPairResult {
    const known = this.#keyPairs.get(secret);
    if (known) return known;
    const read = readCaKeyPair(secret);
    this.#keyPairs.set(secret, read);
    return read;
  }
}
