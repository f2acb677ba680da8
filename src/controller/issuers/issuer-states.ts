import type { Secret } from '../../api/core.ts';
import { issuerTypes } from '../../api/issuer.ts';
import type { ClusterIssuer, Issuer } from '../../api/issuer.ts';
import type { ObjectKey } from '../../kube/index.ts';
import { readCaKeyPair } from './ca/ca-key-pair.ts';
import type { CaKeyPair, CaKeyPairResult } from './ca/ca-key-pair.ts';
import { caIssuerState } from './ca/ca-issuer.ts';
import type { SigningChoice } from './ca/signing-choice.ts';
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
  /** Which CA an issuer signs with, now that its Secret has this one. */
  readonly choose: (key: IssuerKey, pair: CaKeyPair, secret: Secret) => SigningChoice;
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
      return caIssuerState(issuer.spec.ca, secret, {
        now: this.#deps.now(),
        read: (present) => this.#keyPair(present),
        choose: (pair, present) => this.#deps.choose(key, pair, present),
      });
    }
    if (issuer.spec.selfSigned) {
      const signer = selfSignedSigner(issuer.spec.selfSigned, this.#deps);
      return { state: 'ready', reason: 'IsReady', message: '', signer, anchors: [] };
    }
    return { state: 'not-supported', type };
  }

  /** The pair in a CA issuer's Secret; undefined when it cannot sign at that time. */
  caPair(key: IssuerKey, now: number): { readonly pair: CaKeyPair; readonly secret: Secret } | undefined {
    const [name] = this.secretsOf(key);
    const state = name && this.#deps.secret(name);
    if (state?.state !== 'present') return undefined;
    const read = this.#keyPair(state.secret);
    if (!read.usable) return undefined;
    const { notBefore, notAfter } = read.keyPair.certificate;
    const isValid = notBefore.getTime() <= now && now < notAfter.getTime();
    return isValid ? { pair: read.keyPair, secret: state.secret } : undefined;
  }

  /** The Secrets that an issuer names, which must be under watch before its state is known. */
  secretsOf(key: IssuerKey): readonly (ObjectKey & { readonly namespace: string })[] {
    const ca = this.#deps.find(key)?.spec.ca;
    return ca ? [this.#secretKey(key, ca.secretName)] : [];
  }

  #secretKey(key: IssuerKey, name: string): ObjectKey & { readonly namespace: string } {
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
