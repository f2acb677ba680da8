import { createHash } from 'node:crypto';
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
  /** The driver's own bearer token, undefined with a client certificate. */
  readonly token: () => Promise<string | undefined>;
}

/** Answers that are kept, the driver's among them: more than the volumes of a node, each asked for again a while later. */
const remembered = 256;

/**
 * Asks the API server who we are to it: once a token, since each carries an id of its own in `extra`.
 * The answer goes into each request, where admission holds it equal to what the API server sees.
 */
export class Requester {
  readonly #deps: RequesterDependencies;
  /** By digest, so that no token is kept here; the most recently used last. */
  readonly #known = new Map<string, Promise<RequesterIdentity>>();

  constructor(_options: Record<never, never>, dependencies: RequesterDependencies) {
    this.#deps = dependencies;
  }

  /** @param podToken of the pod in whose name the request is made; the driver's own identity without it */
  async identity(podToken?: string): Promise<RequesterIdentity> {
    const digest = digestOf(podToken ?? (await this.#deps.token()));
    const identity = this.#known.get(digest) ?? this.#review(podToken);
    this.#known.delete(digest);
    this.#known.set(digest, identity);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= remembered) break;
      this.#known.delete(oldest);
    }
    try {
      return await identity;
    } catch (error) {
      if (this.#known.get(digest) === identity) this.#known.delete(digest);
      throw error;
    }
  }

  async #review(token: string | undefined): Promise<RequesterIdentity> {
    const review = await this.#deps.client.request<SelfSubjectReview>(
      {
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
        repeatable: 'always',
      },
      { token },
    );
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

function digestOf(token: string | undefined): string {
  return token === undefined ? '' : createHash('sha256').update(token).digest('base64');
}
