import type { KubeClient } from '../../../kube/index.ts';

/** The identity fields of a CertificateRequest's spec. */
export interface RequesterIdentity {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: string[];
  readonly extra?: Record<string, string[]>;
}

interface SelfSubjectReview {
  readonly status?: { readonly userInfo?: RequesterIdentity };
}

export interface RequesterDependencies {
  readonly client: Pick<KubeClient, 'request'>;
  /** The bearer token in use, undefined with a client certificate. Compared, never kept elsewhere. */
  readonly token: () => Promise<string | undefined>;
}

/**
 * Asks the API server who we are to it: once a token, since each carries an id of its own in `extra`.
 * The answer goes into each request, where admission holds it equal to what the API server sees.
 */
export class Requester {
  readonly #deps: RequesterDependencies;
  #known: { readonly token: string | undefined; readonly identity: Promise<RequesterIdentity> } | undefined;

  constructor(_options: Record<never, never>, dependencies: RequesterDependencies) {
    this.#deps = dependencies;
  }

  async identity(): Promise<RequesterIdentity> {
    const token = await this.#deps.token();
    if (this.#known === undefined || this.#known.token !== token) {
      const known = { token, identity: this.#review() };
      this.#known = known;
      known.identity.catch(() => {
        if (this.#known === known) this.#known = undefined;
      });
    }
    return this.#known.identity;
  }

  async #review(): Promise<RequesterIdentity> {
    const review = await this.#deps.client.request<SelfSubjectReview>({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      repeatable: 'always',
    });
    const user = review.status?.userInfo;
    if (user === undefined) throw new Error('the API server answered a SelfSubjectReview without a user');
    return {
      username: user.username,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      ...(user.groups === undefined ? {} : { groups: user.groups }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    };
  }
}
